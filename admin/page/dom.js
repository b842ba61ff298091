// Elements, numbers and requests. Text only ever becomes text, never markup.

const ns = "http://www.w3.org/2000/svg";

export const $ = id => document.getElementById(id);

const drawn = ["svg", "rect", "path"];

export function h(tag, attrs, ...children) {
  const e = drawn.includes(tag) ? document.createElementNS(ns, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attrs || {})) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value === true) e.setAttribute(name, "");
    else if (value !== false && value != null) e.setAttribute(name, value);
  }
  e.append(...children.flat(3).filter(c => c != null && c !== false && c !== ""));
  return e;
}

// sparkline draws numbers as a line with an area below.
export function sparkline(values) {
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 100 26");
  svg.setAttribute("preserveAspectRatio", "none");
  const most = Math.max(...values, 1e-9);
  const at = values.map((v, i) => `${(i / Math.max(1, values.length - 1) * 100).toFixed(1)},${(25 - v / most * 23).toFixed(1)}`);
  for (const [d, kind] of [[`M0,26 L${at.join(" L")} L100,26 Z`, "area"], [`M${at.join(" L")}`, "line"]]) {
    const path = document.createElementNS(ns, "path");
    path.setAttribute("d", d);
    path.setAttribute("class", kind);
    svg.append(path);
  }
  return svg;
}

export function number(n) {
  if (n == null || !isFinite(n)) return "–";
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (Math.abs(n) >= size) return (n / (unit === "k" ? 1e3 : size)).toFixed(n / size >= 100 ? 0 : 1) + unit;
  }
  return Math.abs(n) >= 100 || Number.isInteger(n) ? Math.round(n).toLocaleString("en") : n.toFixed(1);
}

export const rate = n => n == null ? "–" : number(n) + "/s";

export function bytes(n) {
  if (n == null || n < 0) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < 4) { n /= 1024; i++; }
  return (i && n < 100 ? n.toFixed(1) : Math.round(n)) + " " + units[i];
}

export function duration(s) {
  if (s == null || !isFinite(s)) return "–";
  if (s < 0) return "0 s";
  if (s < 1) return Math.round(s * 1000) + " ms";
  if (s < 60) return s.toFixed(1) + " s";
  if (s < 3600) return Math.floor(s / 60) + " min";
  if (s < 86400) return (s / 3600).toFixed(1) + " h";
  return number(s / 86400) + " d";
}

// clock is a time of today, or one with its date.
export function clock(t) {
  const at = new Date(t), same = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString("en-GB") + (same ? "." + String(at.getMilliseconds()).padStart(3, "0") : "");
  return same ? time : at.toLocaleDateString("sv-SE") + " " + time;
}

export const ago = t => t ? duration((Date.now() - new Date(t)) / 1000) + " ago" : "–";

export async function api(path, body) {
  const request = body === undefined ? {} : { method: "POST", headers: { "X-Tidemill": "1", "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, request);
  if (response.status === 401) location.reload();
  const answer = await response.json();
  if (!response.ok && answer.error) throw new Error(answer.error);
  return answer;
}
