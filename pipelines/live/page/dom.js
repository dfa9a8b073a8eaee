// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements are made here, and text reaches them as text: never as HTML.

import { visible } from "./format.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function makeSvg(viewBox, path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

// States come twice a second, and most of what they say has not changed.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

export function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

// Keeps one child of `parent` for each item, in the items' order. `views` maps an item's key to
// what `create` returned: an object with the child as `element`.
export function keep(parent, views, items, keyOf, create) {
  const wanted = new Map(items.map((item) => [keyOf(item), item]));
  for (const [key, view] of views) {
    if (!wanted.has(key)) {
      view.element.remove();
      view.end?.();
      views.delete(key);
    }
  }
  let before = parent.firstElementChild;
  for (const [key, item] of wanted) {
    if (!views.has(key)) views.set(key, create(item));
    const view = views.get(key);
    if (view.element === before) before = before.nextElementSibling;
    else parent.insertBefore(view.element, before);
    view.update(item);
  }
}

// The options of a list of names; what was chosen stays chosen while it is there.
export function setOptions(select, names, fixed = 0) {
  const have = [...select.options].slice(fixed).map((option) => option.value);
  if (have.length === names.length && have.every((name, i) => name === names[i])) return;
  const chosen = select.value;
  while (select.options.length > fixed) select.remove(fixed);
  for (const name of names) select.append(make("option", { value: name, text: visible(name) }));
  if (names.includes(chosen)) select.value = chosen;
}
