// SPDX-License-Identifier: LGPL-2.1-or-later
// A frame of the past is counted again, with another cascade, neighbours or scale, beside the first
// answer.

import { copies } from "./copy.js";
import { $, setHidden, setOptions, setText } from "./dom.js";
import { counted, seconds } from "./format.js";
import { FrameView, isIn } from "./frame.js";
import { readJson } from "./stream.js";

export class Recount {
  onAnswer = () => {};
  #view = new FrameView($("recount-picture"));
  #frame = null;
  #began = false;

  constructor() {
    this.#view.clear("No frame chosen yet");
    $("recount-go").disabled = true;
    $("recount-form").addEventListener("submit", (event) => this.#submit(event));
    copies($("recount-copy"), () => $("recount-line").textContent);
  }

  async begin() {
    if (this.#began) return;
    this.#began = true;
    try {
      const { cascades } = await readJson("/api/cascades");
      setOptions($("cascade"), cascades);
    } catch (error) {
      this.#began = false;
      this.#say(error.message);
    }
  }

  setFrame(frame, bitmap) {
    this.#frame = frame;
    $("recount-go").disabled = !frame;
    this.#say("");
    setText($("recount-count"), "not yet");
    setHidden($("recount-command"), true);
    if (!frame) return this.#view.clear("No picture");
    this.#view.show(bitmap, "The same frame, not counted again yet");
    this.#view.setBoxes([], 1, 1);
  }

  async #submit(event) {
    event.preventDefault();
    const frame = this.#frame;
    if (!frame) return;
    setText($("recount-count"), "counting …");
    $("recount-go").disabled = true;
    try {
      const answer = await this.#count(frame);
      if (frame === this.#frame) this.#show(frame, answer);
    } catch (error) {
      if (frame === this.#frame) this.#fail(error.message);
    }
    $("recount-go").disabled = !this.#frame;
  }

  #count({ topic, partition, offset }) {
    const wish = { topic, partition, offset, cascade: $("cascade").value, neighbors: Number($("neighbors").value), scale: Number($("scale").value) };
    return readJson("/api/recount", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) });
  }

  #show(frame, answer) {
    const first = frame.boxes ?? [];
    const boxes = answer.boxes ?? [];
    this.#say("");
    setText($("recount-count"), `${counted(answer.faces, "face")} in ${seconds(answer.seconds)}${difference(frame, answer)}`);
    this.#view.setBoxes(boxes, answer.width, answer.height, (box) => (isIn(box, first) ? "" : "alone"));
    $("recount-picture").querySelector("canvas").setAttribute("aria-label", `The same frame, counted again: ${counted(answer.faces, "face")}`);
    setText($("recount-line"), answer.line ?? "");
    setHidden($("recount-command"), !answer.line);
    this.onAnswer(boxes);
  }

  #fail(text) {
    setText($("recount-count"), "failed");
    this.#say(text);
  }

  #say(text) {
    setText($("recount-message"), text);
    setHidden($("recount-message"), !text);
  }
}

function difference({ counted: known, faces }, answer) {
  if (!known) return "";
  const more = answer.faces - faces;
  return more === 0 ? ", as many as first" : more > 0 ? `, ${more} more than first` : `, ${-more} fewer than first`;
}
