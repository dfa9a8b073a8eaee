// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers and times as people read them. What is not known is a dash.

export const UNKNOWN = "–";

// Null for anything that isn't a finite number: fields may be missing.
export function number(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function seconds(value) {
  const s = number(value);
  if (s === null) return UNKNOWN;
  if (s < 0.0995 && s > 0) return `${Math.max(1, Math.round(s * 1000))} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 90) return `${Math.round(s)} s`;
  return duration(s);
}

function duration(s) {
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days`;
}

export function decimal(value) {
  const v = number(value);
  if (v === null) return UNKNOWN;
  return v < 99.95 ? v.toFixed(1) : whole(v);
}

// The name that a message brought, without what would hide, end or turn round the text beside it.
// The server does the same in its sentences (livename.c).
export function visible(name) {
  return String(name).replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function whole(value) {
  const v = number(value);
  if (v === null) return UNKNOWN;
  return Math.abs(v) < 1e9 ? grouped.format(v) : v.toExponential(1);
}

export function percent(value) {
  const v = number(value);
  return v === null ? UNKNOWN : `${Math.round(v * 100)} %`;
}

// "1 face", "2 faces", "no face"
export function counted(value, one, many = `${one}s`) {
  const v = number(value);
  if (v === null) return `${UNKNOWN} ${many}`;
  if (v === 0) return `no ${one}`;
  return `${whole(v)} ${v === 1 ? one : many}`;
}

const pad = (value, digits = 2) => String(value).padStart(digits, "0");

export function clock(ms) {
  const at = new Date(ms);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

export function exactClock(ms) {
  return `${clock(ms)}.${pad(new Date(ms).getMilliseconds(), 3)}`;
}

export function day(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

// A moment, with its day unless that is today.
export function moment(ms, show = clock) {
  if (number(ms) === null) return UNKNOWN;
  return day(ms) === day(Date.now()) ? show(ms) : `${day(ms)} ${show(ms)}`;
}

export function bytes(value) {
  const v = number(value);
  if (v === null) return UNKNOWN;
  return v < 1e6 ? `${(v / 1e3).toFixed(1)} kB` : `${(v / 1e6).toFixed(1)} MB`;
}

export function place(at) {
  return at ? `${at.topic}, partition ${at.partition}, offset ${at.offset}` : UNKNOWN;
}
