// SPDX-License-Identifier: LGPL-2.1-or-later
// The way of a frame, with what waits on each arrow and for how long; the loop back to the cameras.

import { $, keep, make, setData, setText } from "./dom.js";
import { counted, decimal, number, percent, seconds, whole } from "./format.js";

const NAMES = { cameras: "Cameras", camera: "Topic camera", fog: "Fog", "database topic": "Topic database", database: "Database" };
const SERVERS = { good: { text: "answers", level: "good" }, away: { text: "away", level: "bad" } };
const TOPICS = { good: { text: "Kafka answers", level: "good" }, away: { text: "Kafka is away", level: "bad" } };
const MISSING = { text: "is missing", level: "bad" };
// Unit of what goes along an arrow, by the node from which the arrow comes.
const UNITS = { cameras: "frame", camera: "frame", fog: "event", "database topic": "event" };
const LATE_S = 2;
const AWAY_S = 10;
const alive = (replica) => replica.state === "good" || replica.state === "leaving";
const sum = (items, field) => items.reduce((total, item) => total + (number(item[field]) ?? 0), 0);

export class Flow {
  #views = new Map();

  show(state) {
    const arrows = state.flow ?? [];
    const details = detailsOf(state);
    const items = arrows.flatMap((arrow, i) => [
      ...(i === 0 ? [{ key: arrow.from, detail: details[arrow.from] }] : []),
      { key: `${arrow.from} to ${arrow.to}`, arrow },
      { key: arrow.to, detail: details[arrow.to] },
    ]);
    if (arrows.length) items.push({ key: "reports", loop: loopOf(state) });
    keep($("flow"), this.#views, items, (item) => item.key, viewOf);
  }
}

function viewOf(item) {
  if (item.arrow) return new ArrowView(item.arrow);
  return item.loop ? new LoopView() : new NodeView(item.key);
}

function loopOf({ cameras = [], replicas = [] }) {
  const capacity = sum(replicas.filter(alive), "capacity");
  const wanted = sum(cameras, "wanted");
  if (!(capacity > 0)) return "no reports: the cameras don't know what the fog can count";
  return `reports: fog can count ${decimal(capacity)} frames/s, cameras want ${decimal(wanted)}: demand ${percent(wanted / capacity)}`;
}

class LoopView {
  #text = make("span", { class: "loop-text" });

  constructor() {
    this.element = make("li", { class: "loop" }, this.#text);
  }

  update({ loop }) {
    setText(this.#text, loop);
  }
}

function detailsOf({ cameras = [], replicas = [], servers = {}, missing = [] }) {
  const running = replicas.filter(alive);
  const stopped = cameras.filter((camera) => camera.health === "stopped").length;
  const server = (name, texts) => texts[servers[name]?.state] ?? { text: "unknown", level: "unknown" };
  const topic = (node, name) => (missing.includes(node) ? MISSING : server(name, TOPICS));
  return {
    cameras: { text: stopped ? `${stopped} of ${cameras.length} stopped` : whole(cameras.length), level: stopped ? "bad" : "good" },
    camera: topic("camera", "kafka"),
    fog: { text: counted(running.length, "replica"), level: running.length ? "good" : "bad" },
    "database topic": topic("database topic", servers["cloud-kafka"] ? "cloud-kafka" : "kafka"),
    database: server("database", SERVERS),
  };
}

class NodeView {
  #text = make("span", { class: "node-text" });

  constructor(name) {
    this.element = make("li", { class: "node", "data-node": name }, make("strong", { text: NAMES[name] ?? name }), this.#text);
  }

  update({ detail }) {
    setText(this.#text, detail?.text ?? "");
    setData(this.element, "level", detail?.level ?? "unknown");
  }
}

class ArrowView {
  #rate = make("span", { class: "flow-rate" });
  #waiting = make("span", { class: "waiting" });
  #lag = make("span", { class: "lag" });
  #unit;

  constructor({ from, to }) {
    this.#unit = UNITS[from] ?? "message";
    const shaft = make("span", { class: "shaft", "aria-hidden": "true" });
    const text = make("span", { class: "arrow-text" }, this.#waiting, this.#lag);
    this.element = make("li", { class: "arrow", "data-from": from, "data-to": to }, this.#rate, shaft, text);
  }

  update({ arrow: { rate, waiting, lag } }) {
    setText(this.#rate, `${decimal(rate)} ${this.#unit}s/s`);
    const counts = number(waiting) !== null;
    setText(this.#waiting, !counts ? "" : waiting === 0 ? "nothing waits" : `${counted(waiting, this.#unit)} waiting`);
    setText(this.#lag, number(lag) === null ? "lag not known" : `${seconds(lag)} ${counts ? "behind" : "on the way"}`);
    setData(this.element, "level", lag >= AWAY_S ? "bad" : lag >= LATE_S ? "warn" : "good");
  }
}
