// SPDX-License-Identifier: LGPL-2.1-or-later
// What the database holds: faces by minute and hour, of one camera or all.

import { axis, Chart, line, fromZero, uPlot } from "./charts.js";
import { $, make, setHidden, setOptions, setText } from "./dom.js";
import { counted, day, clock, moment, number, visible, whole } from "./format.js";
import { readJson } from "./stream.js";

const UNIT_MS = { minute: 60 * 1000, hour: 60 * 60 * 1000 };
const AGAIN_MS = 60 * 1000;
const ROWS = 500;
const bars = uPlot.paths.bars({ size: [0.8, 60], align: 1 });
const BARS = 20000; // two weeks of minutes

export class History {
  #chart = null;
  #buckets = [];
  #times = [];
  #asked = 0;
  #visible = false;
  #abort = null;

  constructor() {
    $("history-form").addEventListener("change", (event) => this.#change(event.target));
    $("history-form").addEventListener("submit", (event) => event.preventDefault());
    $("history-details").addEventListener("toggle", () => this.#fillTable());
    new IntersectionObserver(([{ isIntersecting }]) => this.#notice(isIntersecting)).observe($("history"));
    setInterval(() => this.#again(), 1000);
  }

  setCameras(cameras) {
    setOptions($("history-camera"), cameras, 1);
  }

  #notice(visible) {
    this.#visible = visible;
    this.#again();
  }

  #again() {
    if (this.#visible && !document.hidden && Date.now() - this.#asked > AGAIN_MS) this.#load();
  }

  #change(input) {
    const range = $("history-range").value;
    const own = range === "own";
    if (input.id === "history-range") {
      $("history-unit").value = Number(range) > 21600 ? "hour" : "minute";
      if (own) this.#fillOwn();
    }
    for (const label of document.querySelectorAll("#history .own")) label.hidden = !own;
    this.#load();
  }

  #fillOwn() {
    const local = (ms) => `${day(ms)}T${clock(ms).slice(0, 5)}`;
    $("history-to").value ||= local(Date.now());
    $("history-from").value ||= local(Date.now() - 86400000);
  }

  #range() {
    const chosen = $("history-range").value;
    if (chosen !== "own") return [Date.now() - Number(chosen) * 1000, Date.now()];
    return [new Date($("history-from").value).getTime(), new Date($("history-to").value).getTime()];
  }

  async #load() {
    this.#asked = Date.now();
    const [from, to] = this.#range();
    if (!(from < to)) return this.#say("The range ends before it begins: choose another.");
    if ((to - from) / UNIT_MS[$("history-unit").value] > BARS) return this.#say("The range is too long for minutes: choose hours.");
    const query = new URLSearchParams({ from: Math.round(from), to: Math.round(to), unit: $("history-unit").value });
    if ($("history-camera").value) query.set("camera", $("history-camera").value);
    this.#abort?.abort();
    this.#abort = new AbortController();
    try {
      this.#show(await readJson(`/api/documents?${query}`, { signal: this.#abort.signal }), from, to);
    } catch (error) {
      if (error.name !== "AbortError") this.#say(error.message);
    }
  }

  #say(text) {
    setText($("history-message"), text);
    setHidden($("history-message"), !text);
  }

  #show({ unit, buckets, complete }, from, to) {
    this.#say(complete === false ? "There is more than the page shows: choose a shorter range, or hours." : "");
    this.#buckets = buckets;
    const sums = sumsOf(buckets, UNIT_MS[unit], from, to);
    this.#chart ??= this.#makeChart();
    this.#times = sums[0];
    this.#chart.set(sums);
    const frames = buckets.reduce((sum, bucket) => sum + (number(bucket.frames) ?? 0), 0);
    const faces = buckets.reduce((sum, bucket) => sum + (number(bucket.faces) ?? 0), 0);
    const most = buckets.reduce((top, bucket) => Math.max(top, number(bucket.most) ?? 0), 0);
    const text = frames ?
      `${counted(faces, "face")} in ${counted(frames, "frame")}, ${whole(most)} at most in one; by ${unit}.` :
      "The database holds no faces of this range.";
    setText($("history-sum"), text);
    $("history-plot").setAttribute("role", "img");
    $("history-plot").setAttribute("aria-label", `Faces by ${unit}: ${text}`);
    $("history-plot").dataset.buckets = buckets.length;
    this.#fillTable();
  }

  #makeChart() {
    return new Chart($("history-plot"), {
      height: 200,
      padding: [10, 20, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: true, range: (_, least, most) => widened(this.#times, least, most) }, y: fromZero(4) },
      axes: [axis({ size: 30, space: 60, values: (_, ticks) => ticks.map(axisTime) }), axis({ size: 50, space: 34 })],
      series: [{}, line("faces", "first", { fill: true, width: 1, paths: bars })],
      hooks: { setCursor: [(chart) => this.#showCursor(chart)] },
    });
  }

  #showCursor(chart) {
    const { idx } = chart.cursor;
    const at = idx === null || idx === undefined ? "" : `${moment(chart.data[0][idx] * 1000)}: ${counted(chart.data[1][idx] ?? 0, "face")}`;
    $("history-plot").title = at;
  }

  #fillTable() {
    if (!$("history-details").open) return;
    const newest = this.#buckets.slice(-ROWS).reverse();
    $("history-table").tBodies[0].replaceChildren(...newest.map(rowOf));
  }
}

function rowOf({ time, camera, frames, faces, most }) {
  const numbers = [frames, faces, most].map((value) => make("td", { text: whole(value) }));
  return make("tr", {}, make("td", { text: moment(time) }), make("td", {}, make("bdi", { text: visible(camera) })), ...numbers);
}

// Faces of all cameras by unit, and the units of which the database has nothing.
function sumsOf(buckets, unit, from, to) {
  const sums = new Map();
  for (const { time, faces } of buckets) sums.set(time, (sums.get(time) ?? 0) + (number(faces) ?? 0));
  const first = buckets.length ? Math.min(...sums.keys()) % unit : 0; // hours of the server's zone
  const times = new Set(sums.keys());
  for (let time = Math.ceil((from - first) / unit) * unit + first; time < to; time += unit) times.add(time);
  const sorted = [...times].sort((a, b) => a - b);
  return [sorted.map((time) => time / 1000), sorted.map((time) => sums.get(time) ?? null)];
}

// The day where one begins.
function axisTime(tick) {
  const text = clock(tick * 1000).slice(0, 5);
  return text === "00:00" ? day(tick * 1000).slice(5) : text;
}

function widened(times, least, most) {
  const step = times.length > 1 ? times[1] - times[0] : 60;
  return [least ?? 0, (most ?? 1) + step];
}
