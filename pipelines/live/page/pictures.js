// SPDX-License-Identifier: LGPL-2.1-or-later
// Fetches the newest picture of each tile that somebody sees: only while the page is visible, one
// at a time for a tile, and no more often than pictures arrive with ease.

import { fetchPicture, keyOf } from "./frame.js";

const AT_ONCE = 4; // a browser opens 6 connections to a server, and the stream holds one
const FASTEST_MS = 125;
const CALM_MS = 1000;
const WIDEST = 1280; // pixels; many tiles of large pictures would take a lot of memory
const EASE = 2; // pauses as long as a picture takes
const LOOK_MS = 5000; // the server reads frames for 10 s after a look
const LOOK_AT_MOST = 20; // cameras in one request
const GIVE_UP_MS = 8000;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Pictures {
  #seats = new Map(); // element of a tile -> its seat
  #running = 0;
  #paused = false;
  #lookTimer = null;
  #seen = new IntersectionObserver((entries) => this.#notice(entries), { rootMargin: "50px" });

  constructor() {
    document.addEventListener("visibilitychange", () => this.#resume());
    setInterval(() => this.#look(), LOOK_MS);
  }

  // `show(bitmap, frame)` and `fail(text)` are called as pictures come.
  add(element, camera, show, fail) {
    this.#seats.set(element, {
      camera, show, fail, visible: false, wanted: null, shown: "", due: 0, took: 0, failed: 0, abort: null, timer: null,
    });
    this.#seen.observe(element);
  }

  remove(element) {
    const seat = this.#seats.get(element);
    this.#seen.unobserve(element);
    seat.abort?.abort();
    clearTimeout(seat.timer);
    this.#seats.delete(element);
  }

  offer(element, frame) {
    const seat = this.#seats.get(element);
    seat.wanted = frame;
    this.#fetch(seat);
  }

  pause(paused) {
    this.#paused = paused;
    this.#resume();
  }

  #idle() {
    return this.#paused || document.hidden;
  }

  #notice(entries) {
    for (const { target, isIntersecting } of entries) {
      const seat = this.#seats.get(target);
      if (seat) seat.visible = isIntersecting;
    }
    this.#resume();
  }

  #resume() {
    if (this.#idle()) return;
    this.#lookSoon();
    for (const seat of this.#seats.values()) this.#fetch(seat);
  }

  // Tiles come into view one by one while the page scrolls.
  #lookSoon() {
    this.#lookTimer ??= setTimeout(() => {
      this.#lookTimer = null;
      this.#look();
    }, 100);
  }

  #look() {
    if (this.#idle()) return;
    const cameras = [...this.#seats.values()].filter((seat) => seat.visible).map((seat) => seat.camera);
    for (let i = 0; i < cameras.length; i += LOOK_AT_MOST) {
      const query = new URLSearchParams(cameras.slice(i, i + LOOK_AT_MOST).map((camera) => ["camera", camera]));
      fetch(`/api/look?${query}`).catch(() => null); // the stream says that the server is away
    }
  }

  #fetch(seat) {
    const ready = seat.visible && seat.wanted && !seat.abort && keyOf(seat.wanted) !== seat.shown;
    if (!ready || this.#idle() || this.#running >= AT_ONCE) return;
    const wait = seat.due - performance.now();
    if (wait <= 0) this.#run(seat);
    else seat.timer ??= setTimeout(() => this.#wake(seat), wait);
  }

  #wake(seat) {
    seat.timer = null;
    this.#fetch(seat);
  }

  async #run(seat) {
    const frame = seat.wanted;
    const began = performance.now();
    let settled = true;
    seat.abort = new AbortController();
    const patience = setTimeout(() => seat.abort.abort(), GIVE_UP_MS);
    this.#running++;
    try {
      const bitmap = await fetchPicture(frame, WIDEST, seat.abort.signal);
      seat.show(bitmap, frame);
      bitmap.close();
      seat.failed = 0;
    } catch (error) {
      seat.failed++;
      settled = error.final === true;
      if (error.name !== "AbortError") seat.fail(error.message);
    }
    clearTimeout(patience);
    this.#running--;
    seat.abort = null;
    seat.shown = settled ? keyOf(frame) : "";
    this.#schedule(seat, began, performance.now() - began);
  }

  #schedule(seat, began, took) {
    seat.took = seat.took ? 0.7 * seat.took + 0.3 * took : took;
    const fastest = calm.matches || navigator.connection?.saveData ? CALM_MS : FASTEST_MS;
    const pause = seat.failed ? Math.min(GIVE_UP_MS, 500 * 2 ** seat.failed) : EASE * seat.took;
    seat.due = began + Math.max(fastest, pause);
    this.#next();
  }

  // A place is free: it goes to the tile that has waited longest.
  #next() {
    for (const seat of [...this.#seats.values()].sort((a, b) => a.due - b.due)) this.#fetch(seat);
  }
}
