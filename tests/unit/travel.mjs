// SPDX-License-Identifier: LGPL-2.1-or-later
// Tests pipelines/live/page/travel.js without a browser: with elements that keep what they are
// given, a clock that the test sets, and a server whose answers the test gives.

import assert from "node:assert/strict";

class Element {
  constructor() {
    Object.assign(this, { dataset: {}, style: {}, options: [], textContent: "", value: "", listeners: {} });
    this.classList = { add() {}, remove() {}, contains: () => false };
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }

  append(...children) {
    this.options.push(...children);
    this.value ||= children[0]?.value ?? "";
  }

  setAttribute(name, value) {
    if (name === "value") this.value = value;
  }

  getContext() {
    return { drawImage() {} };
  }

  matches() {
    return false;
  }
}

let elements, requests, now, observe;
globalThis.document = {
  hidden: false,
  getElementById: (id) => (elements[id] ??= new Element()),
  createElement: () => new Element(),
};
globalThis.IntersectionObserver = class {
  constructor(callback) {
    observe = callback;
  }

  observe() {}
};
globalThis.createImageBitmap = async () => ({ width: 640, height: 480 });
globalThis.setInterval = globalThis.setTimeout = () => 0;
Date.now = () => now;
globalThis.fetch = (path) => new Promise((resolve) => requests.push({ url: new URL(path, "http://page"), resolve }));

const { Travel } = await import("../../pipelines/live/page/travel.js");

// Waits until the code under test has handled all answers that it has got.
const settle = () => new Promise((resolve) => setImmediate(resolve));

// Answers the oldest request, and returns its parameters.
async function answer(value, status = 200) {
  const { url, resolve } = requests.shift();
  resolve({ ok: status === 200, status, text: async () => JSON.stringify(value), json: async () => value, blob: async () => null });
  await settle();
  return Object.fromEntries(url.searchParams);
}

const frame = (captured) => ({ topic: "camera", partition: 0, offset: 7, camera: "cam-1", captured, seq: 3, width: 640, height: 480 });

function open() {
  elements = {};
  requests = [];
  now = 1_000_000;
  const travel = new Travel({ begin() {}, setFrame() {} });
  travel.setCameras(["cam-1", "cam-2"]);
  observe([{ isIntersecting: true }]);
  return travel;
}

const bounds = { from: 100_000, to: 900_000, newest: 800_000 };
const tests = {
  async "the first frame is that of the chosen camera"() {
    open();
    assert.deepEqual(await answer(bounds), { camera: "cam-1" });
    assert.equal((await answer({ ...bounds, frames: [frame(799_000)], complete: true })).at, "800000");
    assert.equal(elements.travel.dataset.place, undefined);
    await answer({}); // the picture of the frame
    assert.equal(elements.travel.dataset.place, "camera/0/7");
  },

  async "the button goes to the newest frame of the chosen camera"() {
    open();
    await answer(bounds);
    await answer({ ...bounds, frames: [frame(799_000)], complete: true });
    await answer({});
    elements["travel-camera"].value = "cam-2";
    elements["travel-newest"].listeners.click();
    await settle();
    assert.deepEqual(await answer({ ...bounds, newest: 500_000 }), { camera: "cam-2" });
    assert.equal(requests[0].url.searchParams.get("at"), "500000");
  },

  async "without a known frame of the camera, the search begins at the newest frame of all"() {
    open();
    await answer({ ...bounds, newest: null });
    assert.equal(requests[0].url.searchParams.get("at"), "900000");
  },

  async "if Kafka doesn't hold the camera's newest frame any more, the search begins at that of all"() {
    open();
    await answer({ ...bounds, newest: bounds.from - 1 });
    assert.equal(requests[0].url.searchParams.get("at"), "900000");
    open();
    await answer({ ...bounds, newest: bounds.from });
    assert.equal(requests[0].url.searchParams.get("at"), "100000");
  },

  async "a search that takes long isn't begun anew"() {
    const travel = open();
    for (const value of [bounds, { ...bounds, frames: [frame(799_000)], complete: true }, {}]) {
      now += 60_000;
      travel.setCameras(["cam-1", "cam-2"]); // the page calls this twice a second
      observe([{ isIntersecting: true }]);
      await settle();
      assert.equal(requests.length, 1);
      await answer(value);
    }
    assert.equal(elements.travel.dataset.place, "camera/0/7");
    assert.equal(requests.length, 0);
  },

  async "a search that failed is begun again, after a while"() {
    const travel = open();
    await answer({ error: "Kafka doesn't answer" }, 503);
    now += 1000;
    travel.setCameras(["cam-1", "cam-2"]);
    assert.equal(requests.length, 0);
    now += 5000;
    travel.setCameras(["cam-1", "cam-2"]);
    assert.equal(requests.length, 1);
  },
};

for (const [name, test] of Object.entries(tests)) {
  await test();
  console.log(`ok: ${name}`);
}
