// The pages beside the overview.
import { $, h, number, rate, bytes, duration, ago, api } from "/dom.js";

const pill = s => h("span", { class: "pill " + s }, s);

export function tasks(now) {
  $("workers").replaceChildren(...now.members.map(m => {
    const w = now.byMember.get(m.id);
    const states = new Map(w ? w.tasks.map(t => [t.id, t.state]) : []);
    const ids = [...new Set([...(m.tasks || []), ...states.keys()])].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    return h("div", { class: "worker" },
      h("h3", {}, h("span", { title: m.id }, m.address || m.host || m.id), m.self && h("span", { class: "soft" }, "this one"), w && pill(w.state)),
      h("small", {}, w ? `${number(w.tasks.length)} tasks · up ${duration((Date.now() - new Date(w.started)) / 1000)} · ${bytes(w.bufferedBytes)} fetched ahead` : "shows no status"),
      h("div", { class: "chips" }, ids.map(id => h("span", { class: "chip " + (states.get(id) || "") }, id))),
      standbys(w));
  }));
  const head = ["Task", "State", "Inputs", "Records", "Lag", "Lateness", "Busy"];
  $("task-table").replaceChildren(
    h("thead", {}, h("tr", {}, head.map((t, i) => h("th", { class: (i > 2 ? "num" : "") + (i === 6 || i === 2 ? " wide" : "") }, t)))),
    h("tbody", {}, now.tasks.map(t => h("tr", {},
      h("td", {}, h("b", {}, t.id), h("div", { class: "soft" }, t.where)),
      h("td", {}, pill(t.state), t.restore && t.state === "restoring" && h("div", {}, h("progress", { max: 1, value: t.restore.total ? t.restore.done / t.restore.total : 0 }), ` ${number(t.restore.done)} of ${number(t.restore.total)}`)),
      h("td", { class: "wide" }, t.inputs.map(i => h("div", {}, `${i.topic}/${i.partition} at ${number(i.position)}`, i.paused && h("span", { class: "soft" }, " paused")))),
      h("td", { class: "num" }, rate(t.rate), h("div", { class: "soft" }, number(t.processed))),
      h("td", { class: "num" }, number(t.lag)),
      h("td", { class: "num" }, t.streamTime ? duration(t.lateness) : "–"),
      h("td", { class: "num wide" }, t.busyShare == null ? "–" : (100 * t.busyShare).toFixed(0) + " %")))));
}

// standbys are the tasks of others whose stores a worker keeps a copy of.
function standbys(w) {
  if (!w || !w.standbys) return null;
  const lag = s => s.stores.reduce((n, c) => n + (c.end < 0 ? 0 : Math.max(0, c.end - Math.max(0, c.position))), 0);
  return h("div", { class: "chips" }, h("small", {}, "standbys"),
    w.standbys.map(s => h("span", { class: "chip " + s.state, title: `${number(lag(s))} changelog records behind` }, s.id)));
}

let known = "";

export function stores(now, list) {
  const names = list.map(s => s.name).join("\n");
  if (names !== known) {
    known = names;
    $("store").replaceChildren(...list.map(s => h("option", { value: s.name }, `${s.name} (${s.kind})`)));
  }
  $("store-table").replaceChildren(
    h("thead", {}, h("tr", {}, ["Store", "Kind", "In memory", "On disk", "Answered by memory"].map((t, i) => h("th", { class: (i > 1 ? "num" : "") + (i === 1 ? " wide" : "") }, t)))),
    h("tbody", {}, list.map(s => {
      const t = now.stores.get(s.name) || {};
      return h("tr", {}, h("td", {}, h("b", {}, s.name), h("div", { class: "soft" }, s.changelog || "no changelog")), h("td", { class: "wide" }, s.kind),
        h("td", { class: "num" }, number(t.entries), h("div", { class: "soft" }, bytes(t.memory))), h("td", { class: "num" }, bytes(t.disk)),
        h("td", { class: "num" }, t.hits + t.misses > 0 ? (100 * t.hits / (t.hits + t.misses)).toFixed(1) + " %" : "–"));
    })));
}

export function lookups(list) {
  $("lookup").addEventListener("submit", async e => {
    e.preventDefault();
    const params = new URLSearchParams({ limit: "200" });
    if ($("key").value !== "") params.set("key", $("key").value);
    if ($("asof").value !== "" && $("asof").value !== "now") params.set("asOf", $("asof").value);
    const out = $("rows");
    out.replaceChildren(h("p", { class: "empty" }, "Looking …"));
    try {
      found(out, await api(`/api/stores/${encodeURIComponent($("store").value)}?${params}`));
    } catch (err) {
      out.replaceChildren(h("p", { class: "banner bad" }, err.message));
    }
  });
  const kind = () => { $("asof").parentElement.hidden = (list().find(s => s.name === $("store").value) || {}).kind !== "versioned"; };
  $("store").addEventListener("change", kind);
  return kind;
}

const text = v => typeof v === "string" ? v : JSON.stringify(v, null, 1);
const when = t => t ? new Date(t).toISOString().replace("T", " ").replace(/\.000Z|Z$/, "") : "";

function found(out, answer) {
  if (!answer.rows.length) return out.replaceChildren(h("p", { class: "empty" }, "There is nothing."));
  const timed = answer.rows.some(r => r.start);
  out.replaceChildren(
    h("table", {}, h("thead", {}, h("tr", {}, ["Key", timed && "From", timed && "To", "Value", "Time", "Partition"].filter(Boolean).map(t => h("th", { class: t === "Partition" || t === "Time" ? "wide" : "" }, t)))),
      h("tbody", {}, answer.rows.map(r => h("tr", {}, h("td", { class: "mono" }, text(r.key)), timed && h("td", {}, when(r.start)), timed && h("td", {}, r.end ? when(r.end) : "–"),
        h("td", { class: "mono" }, text(r.value)), h("td", { class: "soft wide" }, when(r.time)), h("td", { class: "wide" }, r.partition < 0 ? "all" : r.partition))))),
    ...(answer.truncated ? [h("p", { class: "empty" }, "There is more: give a key.")] : []),
    ...(answer.missing || []).map(m => h("p", { class: "banner" }, "Not asked: " + m)));
}

const chosen = new Map();
let listed = [];

export function letterActions() {
  for (const action of ["redrive", "discard"]) {
    $(action).addEventListener("click", async () => {
      if (action === "discard" && !confirm(`Discard ${chosen.size} dead letters? They will not be processed again.`)) return;
      const picked = [...chosen.values()];
      $("letter-note").textContent = "working …";
      try {
        const done = await api(`/api/deadletters/${encodeURIComponent($("letter-topic").value)}/${action}`, { letters: picked });
        $("letter-note").textContent = `${done.done} ${action === "redrive" ? "redriven" : "discarded"}`;
      } catch (err) {
        $("letter-note").textContent = err.message;
      }
      chosen.clear();
      await letters();
    });
  }
  $("all-letters").addEventListener("change", e => {
    chosen.clear();
    if (e.target.checked) for (const l of listed) chosen.set(id(l), { partition: l.partition, offset: l.offset });
    for (const box of $("letter-list").querySelectorAll("input")) box.checked = e.target.checked;
    buttons();
  });
  $("letter-topic").addEventListener("change", () => { chosen.clear(); letters(); });
}

const id = l => l.partition + "/" + l.offset;

function buttons() {
  $("redrive").disabled = $("discard").disabled = chosen.size === 0;
  $("redrive").textContent = chosen.size ? `Redrive ${chosen.size}` : "Redrive";
  $("discard").textContent = chosen.size ? `Discard ${chosen.size}` : "Discard";
  $("all-letters").checked = listed.length > 0 && chosen.size === listed.length;
}

let topics = "", shown = "";

export function letterTopics(list) {
  const names = list.map(t => t.topic).join("\n");
  if (names === topics) return;
  topics = names;
  $("letter-topic").replaceChildren(...list.map(t => h("option", { value: t.topic }, t.topic)));
}

export async function letters() {
  const out = $("letter-list"), topic = $("letter-topic").value;
  if (!topic) return out.replaceChildren(h("p", { class: "empty" }, "No policy writes dead letters. See tidemill.DeadLetter."));
  try {
    listed = (await api(`/api/deadletters/${encodeURIComponent(topic)}?limit=200`)).letters;
  } catch (err) {
    return out.replaceChildren(h("p", { class: "banner bad" }, err.message));
  }
  const now = topic + listed.map(id).join();
  for (const key of [...chosen.keys()]) if (!listed.some(l => id(l) === key)) chosen.delete(key);
  buttons();
  if (now === shown && out.childElementCount) return;
  shown = now;
  out.replaceChildren(...(listed.length ? listed.map(letter) : [h("p", { class: "empty" }, "Nobody waits here.")]));
}

function letter(l) {
  const box = h("input", { type: "checkbox", "aria-label": "choose " + id(l), checked: chosen.has(id(l)), onchange: e => {
    e.target.checked ? chosen.set(id(l), { partition: l.partition, offset: l.offset }) : chosen.delete(id(l));
    buttons();
  } });
  const raw = (t, b) => t != null ? t : b == null ? "null" : "base64:" + b;
  return h("div", { class: "letter" }, box, h("div", {},
    h("div", { class: "why" }, l.message || l.exception),
    h("small", {}, `${l.stage} in ${l.node || "?"} · ${l.origin.topic}/${l.origin.partition} at ${l.origin.offset} · ${ago(l.time)}`),
    h("div", { class: "mono" }, raw(l.keyText, l.key), " → ", raw(l.valueText, l.value).slice(0, 300)),
    h("details", {}, h("summary", {}, "Headers and trace"),
      h("div", {}, `exception: ${l.exception}`), ...(l.headers || []).map(x => h("div", { class: "mono" }, `${x.key}: ${x.value}`)),
      l.cut ? h("div", { class: "soft" }, `the value has ${bytes(l.cut)}, its beginning is shown`) : null,
      l.trace && h("div", { class: "mono" }, l.trace))));
}

export function health(report, w) {
  $("checks").replaceChildren(...report.findings.map(f => h("div", { class: "check-row" }, h("b", {}, f.check), pill(f.verdict), h("span", { class: "soft" }, f.reason || ""))));
  const c = w.commits, r = w.rebalances;
  const facts = {
    Ready: report.ready ? "yes" : report.notReady, Commits: number(c.count), "Commit p50": duration(quantile(c.seconds, .5)), "Commit p99": duration(quantile(c.seconds, .99)),
    "Last commit": ago(c.last), "Failed commits": number(c.failures), Assignments: number(r.assigned), Revocations: number(r.revoked),
    "Partitions lost": number(r.lost), Recoveries: number(r.recoveries), "Last rebalance": ago(r.last), "Exactly once": w.exactlyOnce ? "yes" : "no",
    "Disk free": w.disk.total ? `${bytes(w.disk.free)} of ${bytes(w.disk.total)}` : "in memory", "Waits for a checkpoint": bytes(w.cache.pinnedBytes),
    Broker: w.broker.error || "answers", Instance: w.instance,
  };
  $("facts").replaceChildren(...Object.entries(facts).map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v))));
}

// quantile reads a histogram with eight buckets for each doubling.
export function quantile(hist, q) {
  let seen = hist.zero || 0;
  const rank = Math.ceil(q * hist.count);
  for (const [i, n] of Object.entries(hist.buckets || {}).map(([i, n]) => [+i, n]).sort((a, b) => a[0] - b[0])) {
    if ((seen += n) >= rank) return 2 ** (i / 8);
  }
  return 0;
}
