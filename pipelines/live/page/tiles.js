// SPDX-License-Identifier: LGPL-2.1-or-later
// A tile for each camera: its newest picture and answer, its rate and what bounds that.

import { copies } from "./copy.js";
import { $, keep, make, setData, setHidden, setText, setTitle } from "./dom.js";
import { counted, decimal, moment, number, place, seconds, visible } from "./format.js";
import { FrameView, keyOf } from "./frame.js";
import { Pictures } from "./pictures.js";

const HEALTH = { good: "good", late: "late", stopped: "stopped", unknown: "unknown" };
const BOUNDS = {
  camera: "Not limited",
  fog: "Limited by the fog",
  link: "Limited by its link",
  minimum: "At its minimum",
  unknown: "Limit not known",
};
const FRESH_MS = 2000; // a counted frame is preferred to one without boxes that is this much newer
const MANY = 8;

export class Tiles {
  #views = new Map();
  #pictures = new Pictures();
  #open;

  // `open(frame)` is called when somebody wants to see a frame in time travel.
  constructor(open) {
    this.#open = open;
    $("pause").addEventListener("click", () => this.#togglePause());
  }

  #togglePause() {
    const paused = $("pause").getAttribute("aria-pressed") !== "true";
    $("pause").setAttribute("aria-pressed", paused);
    this.#pictures.pause(paused);
  }

  show(cameras) {
    setHidden($("no-cameras"), cameras.length > 0);
    setHidden($("pause"), cameras.length === 0);
    setData($("tiles"), "size", cameras.length > MANY ? "small" : cameras.length > 3 ? "middle" : "large");
    keep($("tiles"), this.#views, cameras, (camera) => camera.camera, (camera) => new Tile(camera, this.#pictures, this.#open));
  }

  showFrames(frames) {
    for (const [camera, frame] of Object.entries(frames)) this.#views.get(camera)?.offer(frame);
  }

  // While no states come, ages go on.
  age(passed) {
    for (const view of this.#views.values()) view.showAge(passed);
  }
}

class Tile {
  #pictures;
  #newest = null;
  #counted = null;
  #shown = null;
  #age = null;
  #parts = {
    health: make("span", { class: "word" }),
    count: make("span", { class: "count chip" }),
    age: make("span", { class: "age chip" }),
    rate: make("span", { class: "rate" }),
    meter: make("div", { class: "meter-fill" }),
    bound: make("p", { class: "bound" }),
    place: make("span", { class: "tile-place" }),
    copy: make("button", { type: "button", class: "small", text: "Copy line" }),
    open: make("button", { type: "button", class: "small", text: "Open" }),
  };

  constructor({ camera }, pictures, open) {
    this.#pictures = pictures;
    const title = visible(camera);
    const name = make("h3", { title }, make("bdi", { text: title }));
    const view = make("div");
    this.#parts.copy.setAttribute("aria-label", `Copy line that shows this frame of ${title}`);
    this.#parts.open.setAttribute("aria-label", `Open this frame of ${title} in time travel`);
    this.view = new FrameView(view);
    view.append(make("div", { class: "chips" }, this.#parts.count, this.#parts.age));
    const lamp = make("span", { class: "lamp", "aria-hidden": "true" });
    const meter = make("div", { class: "meter", "aria-hidden": "true" }, this.#parts.meter);
    const buttons = make("span", { class: "buttons" }, this.#parts.copy, this.#parts.open);
    const text = make("div", { class: "tile-text" },
      make("div", { class: "tile-head" }, name, make("span", { class: "health" }, lamp, this.#parts.health)),
      make("div", { class: "tile-rate" }, this.#parts.rate, meter),
      this.#parts.bound,
      make("div", { class: "tile-foot" }, this.#parts.place, buttons));
    this.element = make("li", { class: "tile card", "data-camera": camera }, view, text);
    copies(this.#parts.copy, () => this.#shown?.line ?? "");
    this.#parts.open.addEventListener("click", () => open(camera, this.#shown));
    const show = (bitmap, frame) => this.#showPicture(bitmap, frame);
    pictures.add(view, camera, show, (text) => this.view.clear(text));
  }

  end() {
    this.#pictures.remove(this.view.element);
  }

  update(camera) {
    const { health, rate, meter, bound } = this.#parts;
    setData(this.element, "health", camera.health ?? "unknown");
    setText(health, HEALTH[camera.health] ?? HEALTH.unknown);
    setTitle(health.parentElement, `since ${moment(camera.since)}`);
    setTitle(this.#parts.age, "age of the newest frame that the fog has counted");
    const wanted = number(camera.wanted) === null ? "" : ` of ${decimal(camera.wanted)}`;
    setText(rate, `${decimal(camera.given)}${wanted} frames/s`);
    setTitle(rate, `It sends ${decimal(camera.given)} frames/s and wants ${decimal(camera.wanted)}; ` +
      `at least ${decimal(camera.minimum)}, weight ${decimal(camera.weight)}`);
    const share = number(camera.given) !== null && camera.wanted > 0 ? Math.min(1, camera.given / camera.wanted) : 0;
    meter.style.width = `${Math.round(share * 100)}%`;
    setText(bound, sentenceOf(camera));
    setTitle(bound, bound.textContent);
    setData(this.element, "bound", camera.bound ?? "unknown");
    this.#age = number(camera.age);
    this.showAge(0);
    if (camera.frame) this.offer(camera.frame);
  }

  showAge(passed) {
    setText(this.#parts.age, this.#age === null ? "age not known" : `${seconds(this.#age + passed)} old`);
  }

  // Within a session numbers tell which frame is newer: a camera's clock may be set back. An answer
  // may come after its frame.
  offer(frame) {
    const follows = !this.#newest || frame.session !== this.#newest.session || frame.seq >= this.#newest.seq;
    if (!follows && !frame.counted) return;
    if (follows) this.#newest = frame;
    if (frame.counted) this.#counted = frame;
    if (keyOf(frame) === keyOf(this.#shown)) this.#showAnswer(frame);
    const best = this.#best();
    if (!this.#shown) this.#showPlace(best);
    this.#pictures.offer(this.view.element, best);
  }

  #best() {
    const [counted, newest] = [this.#counted, this.#newest];
    const fresh = counted?.session === newest.session && Math.abs(newest.captured - counted.captured) < FRESH_MS;
    return fresh ? counted : newest;
  }

  #showPicture(bitmap, frame) {
    this.view.show(bitmap, `${visible(frame.camera)}: ${answerOf(frame)}`);
    this.#showAnswer(frame);
  }

  #showAnswer(frame) {
    this.#showPlace(frame);
    this.#shown = frame;
    this.view.setBoxes(frame.boxes ?? [], frame.width, frame.height);
  }

  #showPlace(frame) {
    this.#shown ??= frame;
    setText(this.#parts.count, answerOf(frame));
    setData(this.element, "place", keyOf(frame));
    setText(this.#parts.place, `${frame.topic}[${frame.partition}] @ ${frame.offset}`);
    setTitle(this.#parts.place, place(frame));
  }
}

const answerOf = (frame) => (frame.counted ? counted(frame.faces, "face") : "not counted yet");

function sentenceOf({ bound, reason, health, since }) {
  if (health === "stopped") return `It has sent no frame since ${moment(since)}`;
  if (health === "unknown") return "Nothing is known about it: no frame of it was counted yet, or Kafka is away";
  const late = health === "late" ? "The fog's newest answer about it is old. " : "";
  const text = BOUNDS[bound] ?? BOUNDS.unknown;
  return `${late}${reason ? `${text}: ${reason}` : text}`;
}
