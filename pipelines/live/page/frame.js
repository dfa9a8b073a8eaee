// SPDX-License-Identifier: LGPL-2.1-or-later
// A picture with its boxes. The boxes are placed in percent of it, so they fit at any size.

import { make, setText } from "./dom.js";
import { number } from "./format.js";

const WIDEST = 16 / 9;
const NARROWEST = 1;

class PictureError extends Error {
  constructor(text, status) {
    super(text);
    this.final = status === 404 || status === 415; // gone, or of another format: so it stays
  }
}

export const keyOf = (frame) => (frame ? `${frame.topic}/${frame.partition}/${frame.offset}` : "");

export function pictureUrl(frame) {
  const query = new URLSearchParams({ topic: frame.topic, partition: frame.partition, offset: frame.offset });
  return `/api/picture?${query}`;
}

// The bitmap, of at most `widest` pixels a row. An error holds the server's own sentence.
export async function fetchPicture(frame, widest, signal) {
  const response = await fetch(pictureUrl(frame), { signal });
  const size = frame.width > widest ? { resizeWidth: widest, resizeQuality: "medium" } : {};
  if (response.ok) return createImageBitmap(await response.blob(), size);
  const answer = await response.json().catch(() => null);
  throw new PictureError(answer?.error ?? `The server answered ${response.status}.`, response.status);
}

const within = (box, width, height) =>
  [box.x, box.y, box.w, box.h].every((value) => number(value) !== null) && width > 0 && height > 0;

export class FrameView {
  #picture = make("div", { class: "picture" });
  #canvas = make("canvas", { role: "img", "aria-label": "no picture yet", width: 4, height: 3 });
  #message = make("p", { class: "frame-message", text: "No picture yet" });
  #boxes = [];

  constructor(element) {
    this.element = element;
    element.classList.add("frame", "blank");
    this.#picture.append(this.#canvas);
    element.append(this.#picture, this.#message);
  }

  show(bitmap, label) {
    this.#fit(bitmap.width, bitmap.height);
    this.#canvas.getContext("2d").drawImage(bitmap, 0, 0);
    this.#canvas.setAttribute("aria-label", label);
    this.element.classList.remove("blank");
    setText(this.#message, "");
  }

  // A canvas that is given a size is cleared, so only when it changes.
  #fit(width, height) {
    if (this.#canvas.width === width && this.#canvas.height === height && !this.element.classList.contains("blank")) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    const ratio = Math.min(WIDEST, Math.max(NARROWEST, width / height));
    this.element.style.aspectRatio = ratio;
    this.#picture.style.aspectRatio = width / height;
    this.#picture.style.width = width / height >= ratio ? "100%" : "auto";
    this.#picture.style.height = width / height >= ratio ? "auto" : "100%";
  }

  // `width` and `height` are those of the frame that was counted. Its picture may be smaller.
  setBoxes(boxes, width, height, kindOf = () => "") {
    const good = boxes.filter((box) => within(box, width, height));
    while (this.#boxes.length > good.length) this.#boxes.pop().remove();
    while (this.#boxes.length < good.length) {
      this.#boxes.push(make("div", { class: "box" }));
      this.#picture.append(this.#boxes.at(-1));
    }
    good.forEach((box, i) => place(this.#boxes[i], box, width, height, kindOf(box)));
  }

  say(text) {
    setText(this.#message, text);
  }

  clear(text) {
    this.element.classList.add("blank");
    this.#canvas.setAttribute("aria-label", text);
    this.setBoxes([], 1, 1);
    this.say(text);
  }
}

function place(element, box, width, height, kind) {
  const share = (value, whole) => `${Math.round(1e5 * value / whole) / 1e3}%`;
  element.style.left = share(box.x, width);
  element.style.top = share(box.y, height);
  element.style.width = share(box.w, width);
  element.style.height = share(box.h, height);
  element.dataset.kind = kind;
  element.dataset.score = number(box.score) === null ? "" : box.score.toFixed(2);
}

function overlap(a, b) {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  const both = Math.max(0, w) * Math.max(0, h);
  return both / (a.w * a.h + b.w * b.h - both);
}

// Whether a face of one answer is in the other as well: the boxes share half of what they cover.
export const isIn = (box, boxes) => boxes.some((other) => overlap(box, other) > 0.5);
