// The page of sagas: a list of them, and one with its steps, its history and what a
// person may do about it.
import { $, h, clock, number, duration, bytes, api } from "/dom.js";

const every = 5000, settles = 4000, statuses = ["running", "compensating", "parked", "completed", "compensated"];
const pill = s => h("span", { class: "pill " + s.replaceAll(" ", "-") }, s);
const when = t => h("time", { datetime: t, title: t }, clock(t));

let status = "", listed = "", asked = 0, orchestrators = "";

// opened is the saga that the address names.
function opened() {
  const [page, orchestrator, id] = location.hash.slice(1).split("/").map(decodeURIComponent);
  return page === "sagas" && id ? { orchestrator, id, path: `/api/sagas/${encodeURIComponent(orchestrator)}/${encodeURIComponent(id)}` } : null;
}

const cut = text => text.length > 80 ? text.slice(0, 79) + "…" : text;
const link = s => `#sagas/${encodeURIComponent(s.orchestrator)}/${encodeURIComponent(s.id)}`;

export function setup() {
  $("saga-filter").addEventListener("submit", e => { e.preventDefault(); list(); });
  for (const id of ["saga-definition", "saga-age"]) $(id).addEventListener("change", list);
  list();
}

// refresh is called at every turn while the page is shown, now when it is turned to.
export async function refresh(now) {
  const one = opened();
  $("saga-list").hidden = !!one;
  $("saga").hidden = !one;
  if (one) return show(one);
  shown = "";
  if (now || Date.now() - asked > every) await list();
}

async function list() {
  asked = Date.now();
  const params = new URLSearchParams({ limit: "200" });
  for (const [name, value] of [["status", status], ["definition", $("saga-definition").value], ["prefix", $("saga-prefix").value], ["older", $("saga-age").value]]) if (value) params.set(name, value);
  let found;
  try {
    found = await api("/api/sagas?" + params);
  } catch (err) {
    listed = "";
    return $("saga-rows").replaceChildren(h("p", { class: "banner bad" }, err.message));
  }
  $("sagas-tab").hidden = !found.orchestrators.length;
  const text = JSON.stringify(found) + status;
  if (text === listed) return;
  listed = text;
  definitions(found.orchestrators);
  if (!["definition", "prefix", "older"].some(name => params.has(name))) badge(found.counts.parked || 0);
  chips(found.counts);
  rows(found);
}

function badge(parked) {
  $("saga-count").hidden = !parked;
  $("saga-count").textContent = number(parked);
}

function definitions(all) {
  const names = [...new Set(all.flatMap(o => o.definitions))].sort();
  if (names.join("\n") === orchestrators) return;
  orchestrators = names.join("\n");
  $("saga-definition").replaceChildren(h("option", { value: "" }, "all"), ...names.map(n => h("option", { value: n }, n)));
}

function chips(counts) {
  const sum = Object.values(counts).reduce((a, b) => a + b, 0);
  $("saga-statuses").replaceChildren(...["", ...statuses].map(s => h("button", { type: "button", class: "chip-button", "aria-pressed": String(s === status), onclick: () => { status = s; list(); } },
    s || "all", h("span", { class: "soft" }, " " + number(s ? counts[s] || 0 : sum)))));
}

function rows(found) {
  const notes = (found.missing || []).map(m => h("p", { class: "banner" }, "Not asked: " + m));
  if (!found.sagas.length) return $("saga-rows").replaceChildren(h("p", { class: "empty" }, "There are no such sagas."), ...notes);
  $("saga-rows").replaceChildren(
    h("table", {}, h("thead", {}, h("tr", {}, ["Saga", "Status", "Step", "Began", "Changed"].map((t, i) => h("th", { class: i > 2 ? "wide" : "" }, t)))),
      h("tbody", {}, found.sagas.map(s => h("tr", {},
        h("td", {}, h("a", { class: "strong", href: link(s) }, s.id), h("div", { class: "soft" }, `${s.definition}/${s.version}`)),
        h("td", {}, pill(s.status)),
        h("td", {}, s.step ? [h("span", {}, s.step), h("span", { class: "soft" }, " " + s.state)] : h("span", { class: "soft" }, "–"), (s.error || s.reason) && h("div", { class: "why", title: s.error || s.reason }, cut(s.error || s.reason))),
        h("td", { class: "wide" }, when(s.began)), h("td", { class: "wide" }, when(s.changed)))))),
    ...(found.more ? [h("p", { class: "empty" }, "There are more: choose a status, a definition or the beginning of an id.")] : []), ...notes);
}

let shown = "", last = null, changed = 0, moved = 0, history = null, reading = false;
const open = new Set();

// show reads the opened saga. Its history is read only when something has happened, and
// for a while after that, until it must have been committed.
async function show(one) {
  if (reading) return;
  reading = true;
  try {
    if (last !== one.path) scrollTo(0, 0);
    if (last !== one.path) [last, shown, changed, history] = [one.path, "", 0, null];
    const brief = await api(one.path + "?history=false");
    if (brief.saga.changed !== changed) [changed, moved] = [brief.saga.changed, Date.now()];
    if (!history || Date.now() - moved < settles) {
      const whole = await api(one.path);
      history = { all: whole.saga.detail.history || [], none: whole.noHistory };
    }
    if (opened()?.path !== one.path) return;
    const text = JSON.stringify([brief, history]);
    if (text !== shown) draw(one, brief.saga, brief.saga.detail, history);
    shown = text;
  } catch (err) {
    shown = "";
    $("saga").replaceChildren(back(), h("p", { class: "banner bad" }, err.message));
  } finally {
    reading = false;
  }
}

const back = () => h("p", { class: "back" }, h("a", { href: "#sagas" }, "← All sagas"));

function draw(one, s, d, history) {
  const facts = { Definition: `${s.definition}, version ${s.version}`, Orchestrator: s.orchestrator, Began: when(s.began), Changed: when(s.changed), Ended: s.ended ? when(s.ended) : "not yet", "Way back": d.pivoted ? "none, its pivot is done" : s.ended ? "–" : "open" };
  if (s.reason) facts.Reason = s.reason;
  if (d.parent) facts["Started by"] = d.parent;
  for (const t of d.timers || []) facts[t.step ? `Timer of ${t.name}` : t.name === "deadline" ? "Deadline" : "Forgotten"] = when(t.due);
  const data = JSON.stringify(d.data, null, 2) || "none";
  $("saga").replaceChildren(back(),
    h("div", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, s.id), pill(s.status)),
      actions(one, s, d), h("dl", { class: "facts" }, Object.entries(facts).map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v))))),
    h("div", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "Steps")), h("ol", { class: "steps" }, d.steps.map(step => stepOf(one, s, step, history.all)))),
    h("div", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "Data"), h("small", {}, bytes(data.length))), h("pre", { class: "mono data" }, data)),
    h("div", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "History"), h("small", {}, count(history.all.length, "entry", "entries"))),
      history.none ? h("p", { class: "empty" }, "There is no history: " + history.none) : h("ol", { class: "history" }, history.all.map(entry))));
}

function actions(one, s, d) {
  const buttons = [];
  if (d.actions?.includes("signal")) buttons.push(h("button", { type: "button", id: "saga-signal", onclick: () => act(one, "signal", "Send a signal", `Saga ${s.id} gets it as if its sender had written it.`, signalFields(d.signals)) }, "Signal"));
  if (d.actions?.includes("cancel")) buttons.push(h("button", { type: "button", id: "saga-cancel", class: "danger", onclick: () => act(one, "cancel", `Cancel ${s.id}?`, "What it has done is compensated. That cannot be taken back.", [h("label", {}, "Reason", h("input", { name: "reason", placeholder: "cancelled by hand", autocomplete: "off" }))]) }, "Cancel"));
  return h("div", { class: "actions" }, ...buttons, h("span", { id: "saga-note", role: "status" }, note?.path === one.path && note.changed === s.changed ? note.text : ""));
}

const signalFields = names => [
  h("label", {}, "Signal", h("select", { name: "name" }, names.map(n => h("option", { value: n }, n)))),
  h("label", {}, "Data, as JSON", h("textarea", { name: "data", rows: 3, placeholder: "null", spellcheck: "false" }))];

const asks = { retry: ["Retry", "is tried again at once, with the same key."], skip: ["Skip", "counts as settled by hand, and the saga goes on."], fail: ["Fail", "counts as failed with nothing left of it, and the saga turns back or stays parked."] };

const count = (n, one, more) => n === 1 ? "1 " + one : `${n} ${more}`;
const moving = ["running", "waiting", "compensating", "compensation waiting"];

// spans are the times in which something was done about a step, the action first. One
// that has not ended has no end.
function spans(own) {
  const all = [];
  for (const t of own.filter(t => t.to)) {
    const one = all.at(-1), back = t.to.startsWith("compensat");
    if (!moving.includes(t.to)) { if (one && !one.to) one.to = t.at; }
    else if (!one || one.to || one.back !== back) { if (one && !one.to) one.to = t.at; all.push({ from: t.at, back }); }
  }
  return all;
}

function bar(s, all) {
  const begun = new Date(s.began), whole = Math.max(1, (s.ended ? new Date(s.ended) : Date.now()) - begun);
  const at = t => 100 * Math.min(1, Math.max(0, (new Date(t) - begun) / whole));
  return h("svg", { class: "span", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, all.map(one => {
    const from = Math.min(99.4, at(one.from));
    return h("rect", { class: one.back ? "undoing" : "", x: from, width: Math.max(.6, at(one.to || s.ended || Date.now()) - from), height: 1 });
  }));
}

const lasted = one => one.to ? `${clock(one.from)}, ${duration((new Date(one.to) - new Date(one.from)) / 1000)}` : "since " + clock(one.from);

function stepOf(one, s, step, history) {
  const own = history.filter(t => t.step === step.name), all = spans(own), state = step.state || "not begun", lines = [];
  for (const span of all) lines.push((span.back ? "compensation: " : "") + lasted(span));
  if (step.attempts > 1) lines.push(`${step.attempts} attempts`);
  if (step.undos > 1) lines.push(`${step.undos} attempts at the compensation`);
  if (step.doubt) lines.push("it may have been done without word of it");
  return h("li", { class: "step " + state.replaceAll(" ", "-") },
    h("div", { class: "step-head" }, h("b", {}, step.name), pill(state), step.pivot && h("span", { class: "chip" }, "pivot"), ...(step.actions || []).map(a =>
      h("button", { type: "button", class: "small", "data-action": a, onclick: () => act(one, a, `${asks[a][0]} ${step.name}?`, `Step ${step.name} of saga ${s.id} ${asks[a][1]}`, [], { step: step.name }) }, asks[a][0]))),
    h("div", { class: "soft" }, step.does, step.undoes && `, compensated by ${step.undoes}`),
    all.length > 0 && bar(s, all), lines.length > 0 && h("div", { class: "soft" }, lines.join(" · ")),
    step.due && h("div", { class: "soft" }, "timer at ", when(step.due)),
    step.error && h("div", { class: "why" }, step.error),
    own.length > 0 && h("details", { open: open.has(step.name), ontoggle: e => e.target.open ? open.add(step.name) : open.delete(step.name) },
      h("summary", {}, count(own.length, "entry", "entries")), h("ol", { class: "history" }, own.map(t => entry({ ...t, step: "" })))));
}

function entry(t) {
  return h("li", {}, when(t.at), h("span", { class: "what" }, t.step && h("b", {}, t.step + " "), t.to && [t.from && h("span", { class: "soft" }, t.from + " → "), t.to],
    t.attempt > 1 && h("span", { class: "soft" }, ` attempt ${t.attempt}`), t.note && h("span", { class: "soft" }, (t.to ? ", " : "") + t.note), t.error && h("span", { class: "why" }, " " + t.error)));
}

let note = null;

// act asks for confirmation, and then the orchestrator for what is wanted.
function act(one, action, title, text, fields, body = {}) {
  const problem = h("p", { class: "banner bad", hidden: true });
  const form = h("form", { method: "dialog", class: "ask", onsubmit: async e => {
    e.preventDefault();
    const sent = { ...body };
    try {
      for (const [name, value] of new FormData(form)) if (value.trim() !== "") sent[name] = name === "data" ? JSON.parse(value) : value;
      if (action === "signal") sent.id = "dashboard-" + Date.now();
      const before = changed;
      await api(`${one.path}/${action}`, sent);
      dialog.close();
      note = { path: one.path, changed: before, text: "asked for: it is done when the orchestrator comes to it" };
      shown = "";
      await show(one);
    } catch (err) {
      problem.hidden = false;
      problem.textContent = err.message;
    }
  } }, h("h2", {}, title), h("p", { class: "soft" }, text), ...fields, problem,
    h("div", { class: "actions" }, h("button", { type: "button", onclick: () => dialog.close() }, "Leave it"), h("button", { type: "submit", id: "saga-confirm", class: action === "cancel" || action === "fail" ? "danger" : "" }, action === "cancel" ? "Cancel the saga" : title.split(" ")[0])));
  const dialog = h("dialog", { onclose: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();
}
