// SPDX-License-Identifier: LGPL-2.1-or-later
// Buttons that copy a command line.

import { $, setText } from "./dom.js";

const SAID_MS = 1500;

// Without HTTPS a page has a clipboard on its own machine alone. Copying what is selected works
// everywhere.
async function copy(text) {
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // not permitted: as without
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden-text";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("This browser does not let the page copy: select the line instead.");
}

// `lineOf` returns what to copy, when it is wanted.
export function copies(button, lineOf) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const [text, announced] = await copy(lineOf()).then(
      () => ["Copied", "The line is copied."],
      (error) => ["Not copied", error.message]);
    button.focus();
    setText(button, text);
    setText($("announce"), announced);
    setTimeout(() => setText(button, label), SAID_MS);
  });
}
