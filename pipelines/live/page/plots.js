// SPDX-License-Identifier: LGPL-2.1-or-later
// The last half hour of the system on one time axis, with marks where something came or went.

import { axis, Chart, colour, fromZero, line, uPlot } from "./charts.js";
import { $, make, setText } from "./dom.js";
import { clock, decimal, moment, number, seconds, UNKNOWN, whole } from "./format.js";
import { readJson } from "./stream.js";

const KEPT_MS = 30 * 60 * 1000;
const GAP_MS = 5000; // a longer time without samples is a gap in the lines
const SHORTEST_MS = 60 * 1000;
const MARKS_SHOWN = 100;
const FIELDS = ["time", "faces", "rate", "capacity", "waiting", "p50", "p95", "replicas"];
const KINDS = { camera: "mark-camera", replica: "mark-replica", kafka: "mark-server", database: "mark-server", demo: "third" };
// Steps of an axis that has no fractions.
const WHOLE = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
const stepped = uPlot.paths.stepped({ align: 1 });

const PLOTS = [
  { name: "faces", whole: true, title: "Faces", least: 4, show: whole, lines: [["faces", "in view", "first", { fill: true, paths: stepped }]] },
  { name: "rate", title: "Frames/s", least: 10, show: decimal,
    lines: [["rate", "counted", "first", { fill: true }], ["capacity", "fog's capacity", "second", { dash: [5, 4] }]] },
  { name: "waiting", whole: true, title: "Frames waiting", least: 10, show: whole, lines: [["waiting", "for the fog", "third", { fill: true }]] },
  { name: "age", title: "Age of answers in seconds", least: 1, show: seconds, lines: [["p50", "p50", "first"], ["p95", "p95", "fourth"]] },
  { name: "replicas", whole: true, title: "Replicas", least: 3, show: whole, lines: [["replicas", "counting", "second", { fill: true, paths: stepped }]] },
];

export class Plots {
  #samples = []; // [time, faces, …], as FIELDS names them
  #marks = [];
  #plots;
  #drawn = 0;
  #visible = false;
  #window = 5 * 60 * 1000;
  #now = Date.now();

  constructor() {
    const sync = uPlot.sync("live");
    this.#plots = PLOTS.map((what, i) => new Plot(what, i === PLOTS.length - 1, sync, this));
    for (const choice of document.getElementsByName("window")) {
      choice.addEventListener("change", () => this.#choose(Number(choice.value)));
      if (choice.checked) this.#window = Number(choice.value) * 60 * 1000;
    }
    new IntersectionObserver(([{ isIntersecting }]) => this.#notice(isIntersecting)).observe($("plots"));
    document.addEventListener("visibilitychange", () => this.#draw());
  }

  get marks() {
    return this.#marks;
  }

  // The time axis begins with the first sample, so that a young system fills the plots.
  get range() {
    const first = Math.min(this.#samples[0]?.[0] ?? this.#now, this.#now - SHORTEST_MS);
    return [Math.max(this.#now - this.#window, first) / 1000, this.#now / 1000];
  }

  #choose(minutes) {
    this.#window = minutes * 60 * 1000;
    this.#draw();
  }

  #notice(visible) {
    this.#visible = visible;
    if (visible) this.#draw();
  }

  // The whole past: at the start, and after the stream was cut.
  async load() {
    const { fields, samples, marks } = await readJson("/api/history");
    const places = FIELDS.map((field) => fields.indexOf(field));
    this.#samples = [];
    for (const sample of samples) this.#append(places.map((place) => number(sample[place])));
    this.#marks = marks;
    this.#listMarks();
    this.#draw();
  }

  #append(sample) {
    // The server's clock was set back.
    if (this.#samples.at(-1)?.[0] - sample[0] > GAP_MS) this.#samples = this.#samples.filter(([time]) => time < sample[0]);
    const last = this.#samples.at(-1);
    if (last && sample[0] <= last[0]) return;
    if (last && sample[0] - last[0] > GAP_MS) this.#samples.push([last[0] + 1, ...FIELDS.slice(1).map(() => null)]);
    this.#samples.push(sample);
  }

  add(sample, now) {
    if (!Array.isArray(sample) || number(sample[0]) === null) return;
    this.#append(FIELDS.map((_, i) => number(sample[i])));
    this.#now = Math.max(now, sample[0]);
    const first = this.#samples.findIndex(([time]) => time >= this.#now - KEPT_MS);
    if (first > 60) this.#samples.splice(0, first); // not at each sample
    if (performance.now() - this.#drawn > 900) this.#draw();
  }

  addMark(mark) {
    this.#marks.push(mark);
    this.#listMarks();
    this.#draw();
  }

  #listMarks() {
    this.#marks = this.#marks.filter(({ time }) => time >= this.#now - KEPT_MS);
    const items = this.#marks.slice(-MARKS_SHOWN).reverse().map(({ time, kind, text }) =>
      make("li", { "data-kind": KINDS[kind] ? kind : "other" }, make("time", { text: moment(time) }), make("span", { text })));
    $("marks").replaceChildren(...items);
    $("marks").hidden = items.length === 0;
    $("no-marks").hidden = items.length > 0;
  }

  #draw() {
    if (!this.#visible || document.hidden) return;
    this.#drawn = performance.now();
    const first = Math.max(0, this.#samples.findIndex(([time]) => time >= this.#now - this.#window) - 1);
    const shown = this.#samples.slice(first);
    const columns = FIELDS.map((_, i) => shown.map((sample) => (i === 0 ? sample[0] / 1000 : sample[i])));
    for (const plot of this.#plots) plot.show(columns);
    this.showCursor();
  }

  // All plots show the moment under the pointer, or the newest one.
  showCursor() {
    if (!this.#plots) return; // while they are made
    const at = this.#plots.map((plot) => plot.cursor).find((place) => place !== null) ?? null;
    for (const plot of this.#plots) plot.showValues(at);
    const time = this.#plots[0].timeOf(at);
    const near = at === null ? undefined : this.#marks.findLast((mark) => Math.abs(mark.time - time) < this.#window / 100);
    setText($("plots-time"), at === null ? "" : `${clock(time)}${near ? ` · ${near.text}` : ""}`);
  }
}

class Plot {
  #what;
  #chart;
  #columns = null;
  #values;
  #described = 0;

  constructor(what, last, sync, plots) {
    this.#what = what;
    this.#values = what.lines.map(() => make("b"));
    const legend = make("p", { class: "legend" }, make("strong", { text: what.title }),
      ...what.lines.map(([, label, name], i) => make("span", { class: "key", "data-colour": name }, `${label} `, this.#values[i])));
    const place = make("div", { class: "plot-place" });
    this.element = make("div", { class: "plot", "data-plot": what.name, role: "group", "aria-label": what.title }, legend, place);
    $("plot-list").append(this.element);
    this.#chart = new Chart(place, {
      height: last ? 112 : 88,
      padding: [9, 22, 0, 0],
      cursor: {
        sync: { key: sync.key, setSeries: false },
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
      },
      scales: { x: { time: true, range: () => plots.range }, y: fromZero(what.least) },
      axes: [
        axis({ size: last ? 26 : 4, values: last ? clockValues : () => [], space: 70 }),
        axis({ size: 44, space: 28, incrs: what.whole ? WHOLE : undefined, values: (_, ticks) => ticks.map(short) }),
      ],
      series: [{}, ...what.lines.map(([, label, name, options]) => line(label, name, options))],
      hooks: { draw: [(chart) => drawMarks(chart, plots.marks)], setCursor: [() => plots.showCursor()] },
    });
  }

  show(columns) {
    const mine = [columns[0], ...this.#what.lines.map(([field]) => columns[FIELDS.indexOf(field)])];
    this.#columns = mine;
    this.#chart.set(mine);
    this.element.dataset.samples = mine[1].reduce((count, value) => count + (value !== null), 0);
    this.#describe();
  }

  get cursor() {
    return this.#chart?.cursor ?? null;
  }

  timeOf(at) {
    return at === null || !this.#columns ? null : this.#columns[0][at] * 1000;
  }

  showValues(at) {
    if (!this.#columns) return;
    this.#values.forEach((value, i) => setText(value, this.#text(i, at ?? this.#columns[0].length - 1)));
  }

  #text(i, at) {
    const value = this.#columns[i + 1][at] ?? null;
    return value === null ? UNKNOWN : this.#what.show(value);
  }

  // For those who don't see the lines; every ten seconds is enough.
  #describe() {
    if (performance.now() - this.#described < 10000) return;
    this.#described = performance.now();
    const texts = this.#what.lines.map(([, label], i) => {
      const known = this.#columns[i + 1].filter((value) => value !== null);
      const most = known.length ? this.#what.show(Math.max(...known)) : UNKNOWN;
      return `${label} ${this.#text(i, this.#columns[0].length - 1)}, at most ${most}`;
    });
    this.element.setAttribute("aria-label", `${this.#what.title}: ${texts.join("; ")}`);
  }
}

const short = (value) => (value >= 1000 ? `${+(value / 1000).toPrecision(3)}k` : `${+value.toPrecision(3)}`);

function clockValues(_, ticks) {
  const whole = ticks.every((tick) => tick % 60 === 0);
  return ticks.map((tick) => (whole ? clock(tick * 1000).slice(0, 5) : clock(tick * 1000)));
}

function drawMarks(chart, marks) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { time, kind } of marks) {
    const x = Math.round(chart.valToPos(time / 1000, "x", true)) + 0.5;
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colour(KINDS[kind] ?? "quiet");
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
