// SPDX-License-Identifier: LGPL-2.1-or-later
// Zones in which faces count, and masks in which nothing is searched, drawn on a picture of the
// camera: a click adds a corner, the first corner closes the polygon, corners can be moved.

import { copies } from "./copy.js";
import { $, keep, make, setHidden, setOptions, setText } from "./dom.js";
import { visible } from "./format.js";
import { FrameView, fetchPicture } from "./frame.js";
import { readJson } from "./stream.js";

const SVG = "http://www.w3.org/2000/svg";
const SIDE = 1000; // of the drawing, in its own units
const WIDEST = 1280;
const MOST_POINTS = 64;
const STEP = 0.01; // of an arrow key

const rounded = (part) => Math.round(Math.min(1, Math.max(0, part)) * 1000) / 1000;

function makeSvg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Zones {
  #view = new FrameView($("zones-picture"));
  #drawing = makeSvg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, preserveAspectRatio: "none", class: "zones-drawing" });
  #rows = new Map();
  #polygons = []; // { key, mask, name, points }
  #open = null; // the polygon that is being drawn
  #camera = "";
  #frames = new Map();
  #saved = {};
  #keys = 0;
  #began = false;
  #ready = false; // the zones of before were read
  #waits = false; // for a first frame of the camera

  constructor() {
    this.#view.clear("No picture yet");
    $("zones-picture").querySelector(".picture").append(this.#drawing);
    this.#drawing.addEventListener("click", (event) => this.#addPoint(event));
    $("zones-camera").addEventListener("change", () => this.#choose($("zones-camera").value));
    $("zones-photo").addEventListener("click", () => this.#takePicture());
    $("zones-zone").addEventListener("click", () => this.#start(false));
    $("zones-mask").addEventListener("click", () => this.#start(true));
    $("zones-save").addEventListener("click", () => this.#save());
    copies($("zones-copy"), () => $("zones-json").textContent);
    this.#show();
  }

  // The newest frame of each camera.
  setCameras(cameras) {
    for (const { camera, frame } of cameras) if (frame) this.#frames.set(camera, frame);
    setOptions($("zones-camera"), cameras.map(({ camera }) => camera));
    if (!this.#began && cameras.length > 0) this.#begin();
    else if (this.#ready && $("zones-camera").value !== this.#camera) this.#replaceCamera();
    if (this.#waits && this.#frames.has(this.#camera)) this.#takePicture();
  }

  async #begin() {
    this.#began = true;
    try {
      const { file, zones } = await readJson("/api/zones");
      this.#saved = zones ?? {};
      setHidden($("zones-save"), !file);
    } catch (error) {
      this.#say(error.message);
    }
    this.#ready = true;
    this.#choose($("zones-camera").value);
  }

  // The chosen camera has left the list.
  #replaceCamera() {
    const before = this.#camera;
    this.#choose($("zones-camera").value);
    if (before) this.#say(`The camera ${visible(before)} isn't there any more.`);
  }

  #choose(camera) {
    const { zones = {}, masks = [] } = this.#saved[camera] ?? this.#saved["*"] ?? {};
    this.#camera = camera;
    this.#open = null;
    this.#polygons = [
      ...Object.entries(zones).map(([name, points]) => this.#make(false, name, points)),
      ...masks.map((points) => this.#make(true, "", points)),
    ];
    this.#say("");
    this.#show();
    this.#takePicture();
  }

  #make(mask, name, points) {
    this.#keys += 1;
    return { key: this.#keys, mask, name, points: points.map((point) => [...point]) };
  }

  async #takePicture() {
    const frame = this.#frames.get(this.#camera);
    this.#waits = !frame;
    if (!frame) return this.#view.clear("No picture yet");
    try {
      this.#view.show(await fetchPicture(frame, WIDEST), `${visible(this.#camera)}, with its zones and masks`);
    } catch (error) {
      this.#view.clear(error.message);
    }
  }

  // --- drawing ---

  #start(mask) {
    const taken = new Set(this.#polygons.map(({ name }) => name));
    let number = 1;
    while (taken.has(`zone ${number}`)) number += 1;
    this.#drop(this.#open);
    this.#open = this.#make(mask, mask ? "" : `zone ${number}`, []);
    this.#polygons.push(this.#open);
    this.#say("Click the corners in the picture, and the first one again to end.");
    this.#show();
  }

  // An unfinished polygon encloses nothing.
  #drop(polygon) {
    if (polygon && polygon.points.length < 3) this.#polygons = this.#polygons.filter((other) => other !== polygon);
    this.#open = null;
  }

  #pointOf(event) {
    const { left, top, width, height } = this.#drawing.getBoundingClientRect();
    return [rounded((event.clientX - left) / width), rounded((event.clientY - top) / height)];
  }

  #addPoint(event) {
    if (!this.#open || event.target.tagName === "circle") return;
    this.#open.points.push(this.#pointOf(event));
    if (this.#open.points.length === MOST_POINTS) this.#end();
    this.#show();
  }

  #end() {
    this.#drop(this.#open);
    this.#say("");
    this.#show();
  }

  #show() {
    this.#drawing.replaceChildren(...this.#polygons.flatMap((polygon) => this.#shapes(polygon)));
    keep($("zones-list"), this.#rows, this.#polygons, ({ key }) => key, (polygon) => new Row(polygon, {
      rename: () => this.#showJson(),
      remove: () => this.#remove(polygon),
    }));
    setHidden($("no-zones"), this.#polygons.length > 0);
    this.#showJson();
  }

  #shapes(polygon) {
    const points = polygon.points.map(([x, y]) => `${x * SIDE},${y * SIDE}`).join(" ");
    const tag = polygon === this.#open ? "polyline" : "polygon";
    const shape = makeSvg(tag, { points, class: polygon.mask ? "mask" : "zone" });
    return [shape, ...polygon.points.map((point, i) => this.#corner(polygon, point, i))];
  }

  #corner(polygon, [x, y], i) {
    const name = polygon.mask ? "mask" : polygon.name;
    const corner = makeSvg("circle", {
      cx: x * SIDE, cy: y * SIDE, r: 9, tabindex: 0, role: "button", "aria-label": `Corner ${i + 1} of ${name}`,
    });
    corner.addEventListener("click", () => i === 0 && polygon === this.#open && this.#end());
    corner.addEventListener("pointerdown", (event) => this.#grab(event, polygon, i));
    corner.addEventListener("keydown", (event) => this.#nudge(event, polygon, i));
    return corner;
  }

  #grab(event, polygon, i) {
    if (polygon === this.#open) return;
    event.preventDefault();
    const move = (to) => this.#move(polygon, i, this.#pointOf(to));
    const end = () => window.removeEventListener("pointermove", move);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end, { once: true });
  }

  #move(polygon, i, point) {
    polygon.points[i] = point;
    this.#show();
  }

  #nudge(event, polygon, i) {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key === "Enter" && i === 0 && polygon === this.#open) return this.#end();
    if (!dx && !dy) return;
    event.preventDefault();
    const [x, y] = polygon.points[i];
    this.#move(polygon, i, [rounded(x + dx * STEP), rounded(y + dy * STEP)]);
    const before = this.#polygons.slice(0, this.#polygons.indexOf(polygon)).reduce((sum, { points }) => sum + points.length, 0);
    this.#drawing.querySelectorAll("circle")[before + i]?.focus();
  }

  #remove(polygon) {
    this.#polygons = this.#polygons.filter((other) => other !== polygon);
    if (this.#open === polygon) this.#open = null;
    this.#show();
  }

  // --- the text ---

  #describe() {
    const done = this.#polygons.filter((polygon) => polygon !== this.#open);
    const zones = Object.fromEntries(done.filter(({ mask }) => !mask).map(({ name, points }) => [name, points]));
    const masks = done.filter(({ mask }) => mask).map(({ points }) => points);
    return { zones, masks };
  }

  #showJson() {
    setText($("zones-json"), JSON.stringify({ ...this.#saved, [this.#camera]: this.#describe() }));
  }

  async #save() {
    if (this.#open) return this.#say("Close the polygon first: click its first corner.");
    const wish = { camera: this.#camera, ...this.#describe() };
    const names = this.#polygons.filter(({ mask }) => !mask).map(({ name }) => name);
    if (new Set(names).size < names.length) return this.#say("Two zones have the same name.");
    try {
      const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) };
      this.#saved = (await readJson("/api/zones/save", options)).zones;
      this.#say("Saved. The fog takes it over within a second or two.");
    } catch (error) {
      this.#say(error.message);
    }
  }

  #say(text) {
    setText($("zones-message"), text);
    setHidden($("zones-message"), !text);
  }
}

class Row {
  #name = make("input", { type: "text", maxlength: 64, required: "" });

  constructor(polygon, { rename, remove }) {
    const button = make("button", { type: "button", class: "small", text: "Remove" });
    const label = make("label", {}, polygon.mask ? "Mask: nothing is searched" : "Zone ");
    button.addEventListener("click", remove);
    if (!polygon.mask) label.append(this.#name);
    this.#name.value = polygon.name;
    this.#name.addEventListener("input", () => {
      polygon.name = this.#name.value;
      rename();
    });
    this.element = make("li", { "data-kind": polygon.mask ? "mask" : "zone" }, label, button);
  }

  update() {}
}
