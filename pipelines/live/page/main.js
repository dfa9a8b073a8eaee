// SPDX-License-Identifier: LGPL-2.1-or-later
// Brings the stream and the parts of the page together.

import { Demo } from "./demo.js";
import { Flow } from "./flow.js";
import { Headline } from "./headline.js";
import { History } from "./history.js";
import { Plots } from "./plots.js";
import { Recount } from "./recount.js";
import { Replicas } from "./replicas.js";
import { Stream } from "./stream.js";
import { Tiles } from "./tiles.js";
import { Travel } from "./travel.js";
import { Zones } from "./zones.js";

const RELOAD_MS = 5000;

const stream = new Stream();
const headline = new Headline();
const travel = new Travel(new Recount());
const tiles = new Tiles((camera, frame) => travel.open(camera, frame));
const demo = new Demo();
const flow = new Flow();
const replicas = new Replicas();
const plots = new Plots();
const history = new History();
const zones = new Zones();
let lost = null;

function showState(state) {
  const cameras = state.cameras ?? [];
  const names = cameras.map((camera) => camera.camera);
  headline.show(state);
  tiles.show(cameras);
  demo.show(state.actions);
  flow.show(state);
  replicas.show(state.replicas ?? []);
  plots.add(state.sample, state.now);
  travel.setCameras(names);
  zones.setCameras(cameras);
  history.setCameras(names);
}

function showMark(mark) {
  plots.addMark(mark);
  demo.note(mark);
}

function showLink(link) {
  if (lost !== null && link.lost === null) loadPlots();
  lost = link.lost;
  headline.showLink(link);
}

function loadPlots() {
  plots.load().catch(() => setTimeout(loadPlots, RELOAD_MS));
}

stream.addEventListener("state", ({ detail }) => showState(detail));
stream.addEventListener("frames", ({ detail }) => tiles.showFrames(detail));
stream.addEventListener("mark", ({ detail }) => showMark(detail));
stream.addEventListener("link", ({ detail }) => showLink(detail));
setInterval(() => lost !== null && tiles.age((Date.now() - lost) / 1000), 1000);
loadPlots();
stream.start();
