// SPDX-License-Identifier: LGPL-2.1-or-later
// The first line: how the system is, in one sentence. The servers, and the connection to them.

import { $, keep, make, setData, setHidden, setText, setTitle } from "./dom.js";
import { moment } from "./format.js";

const SIGN = { good: "", warn: "▲ ", bad: "■ ", unknown: "" };
const SERVERS = { kafka: "Kafka", "cloud-kafka": "Cloud's Kafka", database: "Database" };
const SETTLED_MS = 1500;
const nameOf = (server) => SERVERS[server] ?? server;

export class Headline {
  #servers = new Map();
  #announced = null;
  #level = null;
  #changed = 0;

  show(state) {
    const level = state.level ?? "unknown";
    const sentence = $("sentence");
    setText(sentence, state.sentence ?? "");
    setData(sentence, "level", level);
    setText($("since"), level === "good" ? "" : `since ${moment(state.since)}`);
    setText($("version"), state.version ?? "");
    const title = `${SIGN[level] ?? ""}gst-fog`;
    if (document.title !== title) document.title = title;
    this.#showBlur(state.blur);
    this.#showServers(state.servers ?? {}, state.sentence ?? "");
    this.#announce(level, state.sentence ?? "");
  }

  // The sentence holds a time that changes all the time. It is read out when its level has changed,
  // and has stayed so for a moment.
  #announce(level, sentence) {
    if (level !== this.#level) {
      this.#level = level;
      this.#changed = Date.now();
    }
    if (this.#announced === level || Date.now() - this.#changed < SETTLED_MS) return;
    if (this.#announced !== null || level !== "good") setText($("announce"), sentence);
    this.#announced = level;
  }

  #showBlur(blur) {
    const text = { faces: "Faces are blurred.", picture: "Pictures are blurred." }[blur] ?? "";
    setText($("blur"), text);
    setHidden($("blur"), !text);
  }

  // The cloud's Kafka is mostly the fog's too: it is named when it is worse or better off.
  #showServers(all, sentence) {
    const servers = Object.entries(all);
    const shown = servers.filter(([name, server]) => name !== "cloud-kafka" || server.state !== all.kafka?.state);
    keep($("servers"), this.#servers, shown, ([name]) => name, ([name]) => new ServerView(name));
    const troubles = servers.filter(([, server]) => server.state !== "good" && server.text && !sentence.includes(server.text));
    const list = $("troubles");
    while (list.children.length > troubles.length) list.lastElementChild.remove();
    while (list.children.length < troubles.length) list.append(make("li"));
    const textOf = ([name, server]) => `${nameOf(name)}: ${server.text} (since ${moment(server.since)})`;
    troubles.forEach((server, i) => setText(list.children[i], textOf(server)));
    setHidden(list, troubles.length === 0);
  }

  showLink({ lost, why }) {
    const strip = $("connection");
    document.body.classList.toggle("stale", lost !== null);
    setText(strip, lost === null ? "" :
      `No news from the page's server since ${moment(lost)}; trying again. ${why} What stands below is from then.`);
    setHidden(strip, lost === null);
  }
}

class ServerView {
  #state = make("span", { class: "word" });

  constructor(name) {
    this.element = make("li", { class: "server" }, make("span", { class: "lamp", "aria-hidden": "true" }),
      `${nameOf(name)} `, this.#state);
  }

  update([, server]) {
    setData(this.element, "state", server.state ?? "unknown");
    setText(this.#state, server.state ?? "unknown");
    setTitle(this.element, server.text || `since ${moment(server.since)}`);
  }
}
