// SPDX-License-Identifier: LGPL-2.1-or-later
// Buttons that disturb the system, where its server offers some: the demo does.

import { $, keep, make, setData, setHidden, setText, setTitle } from "./dom.js";
import { clock } from "./format.js";

async function ask(name) {
  const response = await fetch("/api/do", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ do: name }),
  });
  if (response.status === 401) location.assign("/login");
  if (response.ok) return "";
  const answer = await response.json().catch(() => null);
  return answer?.error ?? `The server answered ${response.status}.`;
}

export class Demo {
  #views = new Map();

  show(actions) {
    const offered = Array.isArray(actions) ? actions : [];
    setHidden($("demo"), offered.length === 0);
    keep($("actions"), this.#views, offered, ({ name }) => name, ({ name }) => new Action(name, (text) => this.say(text)));
  }

  // What was done, by whom ever: a mark of the stream.
  note({ kind, time, text }) {
    if (kind === "demo") this.say(`${clock(time)}: ${text}`);
  }

  say(text) {
    setText($("demo-said"), text);
  }
}

// A button that can't be used now keeps the focus, and says why.
class Action {
  #button = make("button", { type: "button" });
  #why = "";

  constructor(name, say) {
    this.element = make("li", { "data-action": name }, this.#button);
    this.#button.addEventListener("click", async () => {
      say(this.#why ? `Not now: ${this.#why}.` : await ask(name).catch((error) => error.message));
    });
  }

  update({ label, key, why, on }) {
    this.#why = why ?? "";
    setText(this.#button, label ?? "");
    setTitle(this.#button, this.#why || (key ? `Or press ${key} where the demo runs` : ""));
    setAttribute(this.#button, "aria-disabled", this.#why ? "true" : null);
    setAttribute(this.#button, "aria-pressed", typeof on === "boolean" ? String(on) : null);
    setData(this.element, "possible", String(!this.#why));
  }
}

function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
