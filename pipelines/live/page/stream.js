// SPDX-License-Identifier: LGPL-2.1-or-later
// What the server sends, as events: "state", "frames" and "mark" with their data, and "link" with
// {lost: ms or null, why} whenever the connection goes or comes back.

const SILENT_MS = 3000; // states come twice a second
const STALLED_MS = 10000; // a proxy may keep a stream open whose server is gone
const RETRY_MS = [1000, 2000, 4000, 8000];

// Why the server refused.
export async function failure(response) {
  if (response.status === 401) location.assign("/login");
  const answer = await response.json().catch(() => null);
  return new Error(answer?.error ?? `The server answered ${response.status}.`);
}

export async function readJson(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) throw await failure(response);
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${response.status} and no JSON.`);
  }
}

export class Stream extends EventTarget {
  #source = null;
  #heard = Date.now();
  #opened = 0;
  #lost = null;
  #tries = 0;
  #timer = null;

  start() {
    this.#open();
    setInterval(() => this.#check(), 1000);
  }

  #open() {
    this.#timer = null;
    this.#opened = Date.now();
    this.#source = new EventSource("/api/stream");
    for (const name of ["state", "frames", "mark"]) {
      this.#source.addEventListener(name, (event) => this.#hear(name, event.data));
    }
    this.#source.addEventListener("error", () => this.#fail());
  }

  #hear(name, text) {
    let data = null;
    try {
      data = JSON.parse(text);
    } catch {
      return; // cut off by a server that went away; the next one is whole
    }
    this.#heard = Date.now();
    this.#tries = 0;
    if (this.#lost !== null) this.#say(null, "");
    this.dispatchEvent(new CustomEvent(name, { detail: data }));
  }

  #say(lost, why) {
    this.#lost = lost;
    this.dispatchEvent(new CustomEvent("link", { detail: { lost, why } }));
  }

  // EventSource tries again by itself after a cut, but not after a refusal.
  async #fail() {
    if (this.#source.readyState !== EventSource.CLOSED || this.#timer !== null) return;
    const wait = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)];
    this.#timer = setTimeout(() => this.#open(), wait);
    const why = await this.#reason();
    if (this.#lost !== null || why) this.#say(this.#lost ?? this.#heard, why);
  }

  async #reason() {
    try {
      const response = await fetch("/api/stream", { method: "HEAD" });
      if (response.status === 401) location.assign("/login");
      return response.status === 503 ? "It has as many viewers as it serves." : "";
    } catch {
      return "";
    }
  }

  #check() {
    const now = Date.now();
    if (this.#lost === null && now - this.#heard > SILENT_MS) this.#say(this.#heard, "");
    if (this.#timer === null && now - Math.max(this.#heard, this.#opened) > STALLED_MS) {
      this.#source.close();
      this.#open();
    }
  }
}
