// SPDX-License-Identifier: LGPL-2.1-or-later
// The fog's replicas, one a row. On a phone a row becomes a card, so each cell names its column.

import { $, keep, make, setData, setHidden, setText, setTitle } from "./dom.js";
import { counted, decimal, number, percent, seconds, UNKNOWN, visible, whole } from "./format.js";

const COLUMNS = [
  ["Replica", (replica) => visible(replica.replica)],
  ["State", (replica) => replica.state],
  ["Frames/s", (replica) => decimal(replica.rate)],
  ["Capacity", (replica) => `${decimal(replica.capacity)}/s`],
  ["Busy", (replica) => percent(replica.busy)],
  ["Workers", (replica) => whole(replica.workers)],
  ["Waiting", (replica) => counted(replica.lag, "frame")],
  ["Age p50", (replica) => seconds(replica.p50)],
  ["Age p95", (replica) => seconds(replica.p95)],
  ["Partitions", (replica) => partitions(replica.partitions)],
  ["Last report", (replica) => `${seconds(replica.age)} ago`],
  ["Version", (replica) => visible(replica.version ?? UNKNOWN)],
];
const TITLES = {
  "Frames/s": "frames that it counts",
  Capacity: "frames that it could count",
  Busy: "share of the time in which its workers count",
  "Age p50": "age of a frame when it was counted: half of the frames were younger",
  "Age p95": "age of a frame when it was counted: 95 % of the frames were younger",
  Partitions: "partitions of the topic of frames that it reads",
};
const BUSY = 4;
const TEXTS = new Set(["Replica", "State", "Partitions", "Version"]);

// "0–3, 6": runs are drawn together.
export function partitions(list) {
  const sorted = [...(list ?? [])].sort((a, b) => a - b);
  const runs = [];
  for (const one of sorted) {
    if (runs.length && runs.at(-1)[1] === one - 1) runs.at(-1)[1] = one;
    else runs.push([one, one]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first}, ${last}` : `${first}–${last}`)).join(", ") || "none";
}

export class Replicas {
  #views = new Map();

  constructor() {
    const cells = COLUMNS.map(([name]) => make("th", { scope: "col", role: "columnheader", class: TEXTS.has(name) ? "text" : "", text: name, title: TITLES[name] ?? "" }));
    $("replicas").tHead.append(make("tr", { role: "row" }, ...cells));
    $("replicas").setAttribute("role", "table");
  }

  show(replicas) {
    setHidden($("no-replicas"), replicas.length > 0);
    setHidden($("replicas"), replicas.length === 0);
    keep($("replicas").tBodies[0], this.#views, replicas, (replica) => replica.replica, (replica) => new Row(replica));
  }
}

class Row {
  #cells = COLUMNS.map(([name], i) =>
    make(i === 0 ? "th" : "td", { role: i === 0 ? "rowheader" : "cell", "data-column": name, class: TEXTS.has(name) ? "text" : "" }, make("bdi")));
  #busy = make("span", { class: "meter", "aria-hidden": "true" }, make("span", { class: "meter-fill" }));

  constructor({ replica }) {
    this.element = make("tr", { role: "row", "data-replica": replica }, ...this.#cells);
    this.#cells[0].setAttribute("scope", "row");
    this.#cells[1].prepend(make("span", { class: "lamp", "aria-hidden": "true" }));
    this.#cells[BUSY].append(this.#busy);
  }

  update(replica) {
    setData(this.element, "state", replica.state ?? "unknown");
    COLUMNS.forEach(([, textOf], i) => setText(this.#cells[i].querySelector("bdi"), String(textOf(replica))));
    setTitle(this.#cells[0], visible(replica.replica));
    this.#busy.firstElementChild.style.width = `${Math.round(100 * Math.min(1, number(replica.busy) ?? 0))}%`;
  }
}
