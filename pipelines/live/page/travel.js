// SPDX-License-Identifier: LGPL-2.1-or-later
// Time travel: the frames that Kafka still holds of a camera, one by one.

import { Clip } from "./clip.js";
import { copies } from "./copy.js";
import { $, make, setHidden, setOptions, setText } from "./dom.js";
import { bytes, counted, exactClock, moment, number, place, UNKNOWN, visible } from "./format.js";
import { fetchPicture, FrameView, isIn, keyOf } from "./frame.js";
import { readJson } from "./stream.js";

const SPAN_S = 4; // the frames of a window of this length, around a moment, are listed at once
const WIDEST_SPAN_S = 10; // the server's bound
const JUMP_MS = 10000;
const SEARCHES = 7; // windows one after the other, in which the next frame beyond a gap is searched
const SETTLE_MS = 150;
const SLOW_MS = 1500; // a longer wait is said
const BOUNDS_MS = 10000;
const PICTURES = 8;
const WIDEST = 4096; // pixels
const LONGEST_PAUSE_MS = 2000; // a gap in the footage is played this long

export class Travel {
  #view = new FrameView($("travel-picture"));
  #recount;
  #clip = new Clip(() => $("travel-camera").value, () => this.#position?.captured ?? null);
  #cameras = [];
  #frames = []; // those around the one shown, by capture
  #complete = true; // no frame between those listed may still come
  #current = null; // the frame shown
  #position = null; // {captured, seq, key}: its place, or a moment without a frame
  #bounds = null;
  #pictures = new Map(); // key of a frame -> promise of its bitmap
  #asking = 0; // requests on their way
  #moves = 0; // a move ends those before it
  #settle = null;
  #visible = false;
  #began = 0;
  #beginning = false; // the first frame is being searched
  #playing = false;

  constructor(recount) {
    this.#recount = recount;
    recount.onAnswer = (boxes) => this.#compare(boxes);
    this.#view.clear("No frame chosen yet");
    $("travel-slider").addEventListener("input", () => this.#slide());
    $("travel-slider").addEventListener("keydown", (event) => this.#press(event));
    $("travel-back").addEventListener("click", () => this.#stepByHand(-1));
    $("travel-next").addEventListener("click", () => this.#stepByHand(1));
    $("travel-newest").addEventListener("click", () => this.#newest());
    $("travel-play").addEventListener("click", () => (this.#playing ? this.#pause() : this.#play()));
    $("travel-camera").addEventListener("change", () => this.#changeCamera());
    copies($("copy"), () => this.#current?.line ?? "");
    copies($("event-copy"), () => this.#current?.event?.line ?? "");
    new IntersectionObserver(([{ isIntersecting }]) => this.#notice(isIntersecting)).observe($("travel"));
    setInterval(() => this.#visible && !document.hidden && this.#refreshBounds(), BOUNDS_MS);
  }

  setCameras(cameras) {
    this.#cameras = cameras;
    setOptions($("travel-camera"), cameras);
    if (this.#visible) this.#begin();
  }

  // From a tile: this very frame, in its place among the others.
  async open(camera, frame) {
    this.#pause();
    this.#recount.begin();
    $("travel-camera").value = camera;
    if (frame) return this.#showOpened(frame);
    await this.#newest();
    this.#scrollHere();
  }

  // Its place is taken before the page scrolls to here, which would begin with the newest frame.
  async #showOpened(frame) {
    const move = ++this.#moves;
    this.#frames = [frame];
    this.#position = positionOf(frame);
    this.#scrollHere();
    await this.#refreshBounds();
    if (move === this.#moves) await this.#show(frame, move);
  }

  #scrollHere() {
    $("travel").scrollIntoView();
    $("travel-slider").focus({ preventScroll: true });
  }

  #notice(visible) {
    this.#visible = visible;
    if (visible) this.#begin();
    else this.#pause();
  }

  // Searches the first frame to show. If there was none, a later call searches again; while a
  // search is under way, a call does nothing.
  async #begin() {
    if (this.#position || this.#beginning || !this.#cameras.length || Date.now() - this.#began < BOUNDS_MS / 2) return;
    this.#beginning = true;
    this.#recount.begin();
    try {
      await this.#newest();
    } finally {
      this.#began = Date.now();
      this.#beginning = false;
    }
  }

  #changeCamera() {
    this.#pause();
    this.#frames = [];
    if (this.#position) this.#goTo(this.#position.captured);
    else this.#newest();
  }

  // The newest frame of the chosen camera, or, if the server knows none that Kafka still holds, of
  // all cameras.
  async #newest() {
    this.#pause();
    const move = ++this.#moves;
    await this.#refreshBounds();
    if (!this.#bounds || move !== this.#moves) return;
    const { from, to, newest } = this.#bounds;
    await this.#goTo(newest !== null && newest >= from ? newest : to, WIDEST_SPAN_S);
  }

  #ask(parameters) {
    return readJson(`/api/travel?${new URLSearchParams({ camera: $("travel-camera").value, ...parameters })}`);
  }

  async #refreshBounds() {
    try {
      this.#setBounds(await this.#ask({}));
    } catch (error) {
      this.#say(error.message);
    }
  }

  #setBounds({ from, to, newest }) {
    if (number(from) === null || number(to) === null) return;
    this.#bounds = { from, to, newest: number(newest) };
    const slider = $("travel-slider");
    if (slider.matches(":active")) return; // the thumb stays under the finger
    slider.min = from;
    slider.max = Math.max(to, from + 1);
    slider.value = this.#position?.captured ?? to;
    setText($("travel-range"), `Kafka holds ${moment(from)} to ${moment(to)}`);
  }

  #slide() {
    this.#pause();
    const at = Number($("travel-slider").value);
    this.#position = { captured: at, seq: 0, key: "" };
    setText($("travel-time"), moment(at, exactClock));
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#goTo(at), SETTLE_MS);
  }

  #press(event) {
    const way = { ArrowLeft: -1, ArrowDown: -1, PageDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 1 }[event.key];
    if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey || event.key.startsWith("Page")) this.#jump(way * JUMP_MS);
    else this.#stepByHand(way);
  }

  #jump(ms) {
    this.#pause();
    const { from, to } = this.#bounds ?? {};
    if (from === undefined) return;
    this.#goTo(Math.min(to, Math.max(from, (this.#position?.captured ?? to) + ms)));
  }

  #stepByHand(way) {
    this.#pause();
    this.#step(way);
  }

  // The frame nearest to a moment.
  async #goTo(at, span = SPAN_S) {
    const move = ++this.#moves;
    const frames = await this.#list(at, span, move);
    if (!frames) return;
    if (!frames.length && span < WIDEST_SPAN_S) {
      await this.#goTo(at, WIDEST_SPAN_S);
      return;
    }
    if (!frames.length) {
      this.#showNothing(at, span);
      return;
    }
    this.#frames = frames;
    const near = frames.reduce((best, frame) => (Math.abs(frame.captured - at) < Math.abs(best.captured - at) ? frame : best));
    await this.#show(near, move);
  }

  #showNothing(at, span) {
    this.#current = null;
    this.#frames = [];
    this.#position = { captured: at, seq: 0, key: "" };
    this.#view.clear("No frame here");
    this.#recount.setFrame(null, null);
    setText($("line"), UNKNOWN);
    $("copy").disabled = true;
    setHidden($("event-command"), true);
    const where = `within ${span / 2} s of ${moment(at)}`;
    this.#say(`Kafka holds no frame of ${visible($("travel-camera").value)} ${where}. Back and Next search further.`);
  }

  // Frames by capture; null when another move came between, or it failed.
  async #list(at, span, move) {
    this.#setAsking(1);
    const slow = setTimeout(() => this.#say("Reading from Kafka …"), SLOW_MS);
    try {
      const answer = await this.#ask({ at: Math.round(at), span });
      if (move !== this.#moves) return null;
      this.#setBounds(answer);
      this.#complete = answer.complete;
      return answer.frames.sort((a, b) => a.captured - b.captured || a.seq - b.seq);
    } catch (error) {
      if (move === this.#moves) this.#say(error.message);
      return null;
    } finally {
      clearTimeout(slow);
      this.#setAsking(-1);
    }
  }

  #setAsking(more) {
    this.#asking += more;
    $("travel").setAttribute("aria-busy", this.#asking > 0);
  }

  // Whether there was a frame to go to.
  async #step(way) {
    if (!this.#position || !this.#bounds) return false;
    const move = ++this.#moves;
    const next = await this.#findNext(way, move);
    if (move !== this.#moves) return false;
    if (next) {
      await this.#show(next, move, way);
      return true;
    }
    return this.#search(way, move);
  }

  #neighbour(key, way) {
    const at = this.#frames.findIndex((one) => keyOf(one) === key);
    return at < 0 ? undefined : this.#frames[at + way];
  }

  // The next frame of the list, which is read again if a frame before that one may have come since.
  async #findNext(way, move) {
    const next = this.#neighbour(this.#position.key, way);
    if (!next || this.#complete || next.session !== this.#current?.session || Math.abs(next.seq - this.#current.seq) <= 1) return next;
    const frames = await this.#list(this.#position.captured, SPAN_S, move);
    if (!frames) return next;
    this.#frames = frames;
    return this.#neighbour(this.#position.key, way);
  }

  async #search(way, move) {
    const edge = this.#position;
    let span = SPAN_S;
    let begin = edge.captured - way; // the edge of the window that is nearer to the frame shown
    for (let i = 0; i < SEARCHES && this.#within(begin); i++) {
      const at = begin + way * span * 500;
      const frames = await this.#list(at, span, move);
      if (!frames) return false;
      const beyond = frames.filter((frame) => this.#isBeyond(frame, edge, way));
      if (beyond.length) {
        this.#frames = frames;
        await this.#show(way > 0 ? beyond[0] : beyond.at(-1), move, way);
        return true;
      }
      begin += way * span * 1000;
      span = WIDEST_SPAN_S;
    }
    const far = this.#within(begin) ? `within ${SPAN_S + (SEARCHES - 1) * WIDEST_SPAN_S} s` : "in Kafka";
    this.#say(way > 0 ? `There is no later frame of this camera ${far}.` : `There is no earlier frame of this camera ${far}.`);
    return false;
  }

  #within(at) {
    return at >= this.#bounds.from - WIDEST_SPAN_S * 1000 && at <= this.#bounds.to + WIDEST_SPAN_S * 1000;
  }

  // Two frames may be of the same millisecond.
  #isBeyond(frame, edge, way) {
    if (keyOf(frame) === edge.key) return false;
    const ahead = way * (frame.captured - edge.captured || frame.seq - edge.seq);
    return ahead > 0;
  }

  async #show(frame, move, way = 1) {
    this.#current = frame;
    this.#position = positionOf(frame);
    this.#say("");
    this.#showFacts(frame);
    this.#clip.propose(frame.captured);
    try {
      const bitmap = await this.#picture(frame);
      if (move !== this.#moves) return;
      this.#view.show(bitmap, `${visible(frame.camera)} at ${moment(frame.captured, exactClock)}: ${answerOf(frame)}`);
      this.#view.setBoxes(frame.boxes ?? [], frame.width, frame.height);
      this.#recount.setFrame(frame, bitmap);
      $("travel").dataset.place = keyOf(frame);
    } catch (error) {
      if (move !== this.#moves) return;
      this.#view.clear(error.message);
      this.#recount.setFrame(null, null);
    }
    const next = this.#neighbour(keyOf(frame), way);
    if (next) this.#picture(next).catch(() => null); // is said when it is shown
  }

  #picture(frame) {
    const key = keyOf(frame);
    if (!this.#pictures.has(key)) {
      const picture = fetchPicture(frame, WIDEST);
      picture.catch(() => this.#pictures.delete(key));
      this.#pictures.set(key, picture);
      if (this.#pictures.size > PICTURES) this.#pictures.delete(this.#pictures.keys().next().value);
    }
    return this.#pictures.get(key);
  }

  #compare(again) {
    const first = this.#current.boxes ?? [];
    this.#view.setBoxes(first, this.#current.width, this.#current.height, (box) => (isIn(box, again) ? "" : "alone"));
  }

  #showFacts(frame) {
    const slider = $("travel-slider");
    slider.value = frame.captured;
    slider.setAttribute("aria-valuetext", `${moment(frame.captured, exactClock)}, ${answerOf(frame)}`);
    setText($("travel-time"), moment(frame.captured, exactClock));
    setText($("travel-count"), answerOf(frame));
    showFacts([
      ["Frame", place(frame), "place"],
      ["Event", frame.event ? place(frame.event) : frame.counted ? "none: no face" : "none yet", "event-place"],
      ["Counted by", visible(frame.replica ?? UNKNOWN), "frame-replica"],
      ["Session and number", `${visible(frame.session ?? UNKNOWN)} : ${frame.seq ?? UNKNOWN}`, "frame-seq"],
      ["Format", `${frame.caps ?? UNKNOWN}, ${frame.width || "?"} × ${frame.height || "?"}, ${bytes(frame.bytes)}`, "frame-format"],
    ]);
    setText($("line"), frame.line ?? UNKNOWN);
    $("copy").disabled = !frame.line;
    setHidden($("event-command"), !frame.event?.line);
    setText($("event-line"), frame.event?.line ?? "");
  }

  // Footage as it was captured, as fast as its pictures come.
  async #play() {
    if (!this.#position) return;
    this.#playing = true;
    $("travel-play").setAttribute("aria-pressed", true);
    while (this.#playing) {
      const before = this.#position.captured;
      const began = performance.now();
      if (!await this.#step(1)) break;
      const due = Math.min(LONGEST_PAUSE_MS, this.#position.captured - before) - (performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due)));
    }
    this.#pause();
  }

  #pause() {
    this.#playing = false;
    $("travel-play").setAttribute("aria-pressed", false);
  }

  #say(text) {
    setText($("travel-message"), text);
    setHidden($("travel-message"), !text);
  }
}

const positionOf = (frame) => ({ captured: frame.captured, seq: frame.seq, key: keyOf(frame) });

const answerOf = (frame) => (frame.counted ? counted(frame.faces, "face") : "not counted yet");

function showFacts(facts) {
  const list = $("facts");
  for (const [name, text, id] of facts) {
    const value = document.getElementById(id) ?? addFact(list, name, id);
    setText(value, text);
  }
}

function addFact(list, name, id) {
  const value = make("dd", { id });
  list.append(make("div", {}, make("dt", { text: name }), value));
  return value;
}
