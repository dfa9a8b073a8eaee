// SPDX-License-Identifier: LGPL-2.1-or-later
// A part of a camera's past as a file. The server makes it; leaving the page, or Cancel, ends that.

import { $, setHidden, setText } from "./dom.js";
import { bytes, clock, day, exactClock, seconds, visible } from "./format.js";
import { failure } from "./stream.js";

const SPAN_MS = 10000; // of the range that is proposed: before and after the frame shown

export class Clip {
  #abort = null;
  #touched = false; // the range was chosen by a person

  constructor(cameraOf, momentOf) {
    $("clip-form").addEventListener("submit", (event) => this.#submit(event, cameraOf()));
    $("clip-cancel").addEventListener("click", () => this.#abort?.abort());
    $("clip-kind").addEventListener("change", () => this.#limitBoxes());
    for (const side of ["from", "to"]) {
      $(`clip-${side}`).addEventListener("input", () => (this.#touched = true));
      $(`clip-${side}-here`).addEventListener("click", () => this.#setHere(side, momentOf()));
    }
  }

  // The frame that is shown: a range round it is proposed until somebody chooses one.
  propose(moment) {
    if (this.#touched || this.#abort) return;
    $("clip-from").value = local(moment - SPAN_MS);
    $("clip-to").value = local(moment + SPAN_MS);
  }

  #setHere(side, moment) {
    if (moment === null) return;
    this.#touched = true;
    // The end isn't part of the range, and the frame that is shown shall be.
    $(`clip-${side}`).value = local(side === "to" ? moment + 1 : moment);
  }

  // Only pictures have boxes.
  #limitBoxes() {
    $("clip-boxes").disabled = ["jsonl", "csv"].includes($("clip-kind").value);
  }

  async #submit(event, camera) {
    event.preventDefault();
    if (this.#abort || !camera) return;
    const [from, to] = ["from", "to"].map((side) => new Date($(`clip-${side}`).value).getTime());
    if (!(from < to)) return this.#say("The range ends before it begins: choose another.");
    const began = Date.now();
    const kind = $("clip-kind").value;
    const boxes = $("clip-boxes").checked && !$("clip-boxes").disabled;
    this.#setBusy(new AbortController());
    const timer = setInterval(() => this.#say(`Making the clip: ${seconds((Date.now() - began) / 1000)} …`), 1000);
    try {
      const answer = await this.#fetch({ camera, from, to, kind, boxes });
      save(answer.file, `${camera}-${day(from)}-${clock(from)}.${kind}`.replace(/[^A-Za-z0-9._-]+/g, "-"));
      this.#say(`${visible(camera)}: ${bytes(answer.file.size)} downloaded. ${answer.notes}`);
    } catch (error) {
      this.#say(error.name === "AbortError" ? "Cancelled." : error.message);
    } finally {
      clearInterval(timer);
      this.#setBusy(null);
    }
  }

  async #fetch(wish) {
    const response = await fetch("/api/clip", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish), signal: this.#abort.signal });
    if (!response.ok) throw await failure(response);
    return { file: await response.blob(), notes: decodeURIComponent(response.headers.get("Fog-Notes") ?? "") };
  }

  #setBusy(abort) {
    this.#abort = abort;
    $("clip-go").disabled = Boolean(abort);
    setHidden($("clip-cancel"), !abort);
    if (abort) this.#say("Making the clip …");
  }

  #say(text) {
    setText($("clip-message"), text);
    setHidden($("clip-message"), !text);
  }
}

// As an input of the type datetime-local takes it.
const local = (ms) => `${day(ms)}T${exactClock(ms)}`;

function save(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
