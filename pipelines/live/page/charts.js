// SPDX-License-Identifier: LGPL-2.1-or-later
// What the plots share: uPlot in the page's colours, light and dark, as wide as its place.

import uPlot from "./uplot/uPlot.esm.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const charts = new Set();

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

dark.addEventListener("change", () => {
  for (const chart of charts) chart.redraw(false);
});

const FONT = '11px Inter, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

export function axis(options) {
  return {
    font: FONT,
    stroke: () => colour("quiet"),
    grid: { stroke: () => colour("grid"), width: 1 },
    ticks: { show: false },
    ...options,
  };
}

// A line in a colour of the style sheet; with `fill`, the area below it too.
export function line(label, name, { fill = false, ...options } = {}) {
  return {
    label,
    stroke: () => colour(name),
    fill: fill ? () => colour(`${name}-area`) : undefined,
    width: 1.5,
    points: { show: false },
    ...options,
  };
}

// From 0 to above what is there, and never so narrow that noise fills the plot.
export function fromZero(least) {
  return { range: (_, __, most) => [0, Math.max(least, (most ?? 0) * 1.1)] };
}

export class Chart {
  #plot;

  constructor(place, options) {
    this.#plot = new uPlot({ width: this.#width(place), legend: { show: false }, ...options }, [[]], place);
    charts.add(this.#plot);
    new ResizeObserver(() => this.#resize(place, options.height)).observe(place);
    document.fonts.ready.then(() => this.#plot.redraw(false));
  }

  #width(place) {
    return Math.max(160, Math.floor(place.clientWidth));
  }

  #resize(place, height) {
    const width = this.#width(place);
    if (width !== this.#plot.width) this.#plot.setSize({ width, height });
  }

  set(data) {
    this.#plot.setData(data);
  }

  // The place of a moment in the data, or null when the cursor is elsewhere.
  get cursor() {
    return this.#plot.cursor.idx ?? null;
  }
}

export { uPlot };
