// The dashboard: asks the worker, works out rates, and shows them.
import { $, h, sparkline, number, rate, duration, api } from "/dom.js";
import * as graph from "/graph.js";
import * as views from "/views.js";
import * as sagas from "/sagas.js";

const every = 1500, kept = 60;
let before, storeList = [], history = new Map();

// digest sums the statuses of all workers up and compares them with those before.
function digest(cluster) {
  const now = { at: Date.now(), counts: new Map(), nodes: new Map(), passed: new Map(), stores: new Map(), topics: new Map(), tasks: [], members: cluster.members, byMember: new Map(), letters: new Map() };
  for (const w of cluster.workers) {
    now.byMember.set(w.memberId, w);
    const where = (cluster.members.find(m => m.id === w.memberId) || {}).address || "";
    for (const n of w.nodes) count(now, "node " + w.memberId + n.name, n.passed, r => { add(now.nodes, n.name, r); add(now.passed, n.name, n.passed); });
    for (const t of w.tasks) task(now, w, t, where);
    for (const d of w.deadLetters || []) now.letters.set(d.topic, Math.max(d.depth, now.letters.get(d.topic) ?? -1));
  }
  now.tasks.sort((a, b) => a.subtopology - b.subtopology || a.partition - b.partition);
  if (!cluster.members.length) now.members = cluster.workers.map(w => ({ id: w.memberId, self: w.memberId === cluster.self, tasks: [] }));
  return now;
}

const add = (map, key, n) => map.set(key, n == null ? map.get(key) : (map.get(key) || 0) + n);

// count tells the rate of a count that only rises.
function count(now, key, n, use) {
  now.counts.set(key, n);
  const old = before && before.counts.get(key);
  use(old == null || n < old ? undefined : (n - old) / ((now.at - before.at) / 1000));
}

function task(now, w, t, where) {
  const one = { ...t, where, lag: 0, lateness: t.streamTime ? (now.at - new Date(t.streamTime)) / 1000 : null };
  for (const i of t.inputs) {
    const lag = i.end < 0 || i.position < 0 ? 0 : Math.max(0, i.end - i.position);
    one.lag += lag;
    const topic = now.topics.get(i.topic) || { lag: 0, partitions: 0, lateness: Infinity };
    now.topics.set(i.topic, { lag: topic.lag + lag, partitions: topic.partitions + 1, lateness: i.time ? Math.min(topic.lateness, (now.at - new Date(i.time)) / 1000) : topic.lateness });
  }
  const id = w.memberId + t.id;
  count(now, "in " + id, t.processed, r => one.rate = r);
  count(now, "out " + id, t.written, r => one.out = r);
  count(now, "log " + id, t.logged, r => one.logs = r);
  count(now, "busy " + id, t.busy / 1e9, r => one.busyShare = r);
  for (const s of t.stores || []) {
    const sum = now.stores.get(s.name) || { entries: 0, memory: 0, disk: 0, hits: 0, misses: 0 };
    now.stores.set(s.name, { entries: sum.entries + s.entries, memory: sum.memory + s.memoryBytes, disk: sum.disk + Math.max(0, s.diskBytes), hits: sum.hits + s.hits, misses: sum.misses + s.misses });
  }
  now.tasks.push(one);
}

function tile(name, value, shown, alarm) {
  const values = history.get(name) || [];
  if (value != null && isFinite(value)) values.push(value);
  history.set(name, values.slice(-kept));
  return h("div", { class: "tile" + (alarm ? " alarm" : "") }, h("span", {}, name), h("b", {}, shown), sparkline(values.length > 1 ? values : [0, 0]));
}

function tiles(now, w) {
  const sum = f => now.tasks.reduce((s, t) => s + (f(t) || 0), 0);
  const known = before != null;
  const lag = sum(t => t.lag), late = Math.max(...now.tasks.map(t => t.lateness ?? -1));
  const waiting = [...now.letters.values()].reduce((a, b) => a + Math.max(0, b), 0);
  const p99 = views.quantile(w.commits.seconds, .99);
  const running = now.tasks.filter(t => t.state === "running").length;
  $("tiles").replaceChildren(
    tile("Records in", known ? sum(t => t.rate) : null, known ? rate(sum(t => t.rate)) : "–"),
    tile("Records out", known ? sum(t => t.out) : null, known ? rate(sum(t => t.out)) : "–"),
    tile("Changelog", known ? sum(t => t.logs) : null, known ? rate(sum(t => t.logs)) : "–"),
    tile("Lag", lag, number(lag), lag > 10000),
    tile("Lateness", late < 0 ? null : late, late < 0 ? "–" : duration(late)),
    tile("Commit p99", p99, duration(p99)),
    tile("Tasks running", running, `${running} of ${now.tasks.length}`, now.tasks.some(t => t.state === "stuck")),
    tile("Dead letters", waiting, number(waiting), waiting > 100));
  const badge = $("letter-count");
  badge.hidden = waiting === 0;
  badge.textContent = number(waiting);
}

async function tick() {
  try {
    const [cluster, report] = await Promise.all([api("/api/cluster"), api("/api/health")]);
    const own = cluster.workers[0], now = digest(cluster);
    $("offline").hidden = true;
    $("application").textContent = own.application;
    document.title = own.application + " · Tidemill";
    $("subtitle").textContent = `${cluster.members.length || 1} ${cluster.members.length > 1 ? "workers" : "worker"} · ${now.tasks.length} tasks · ${own.exactlyOnce ? "exactly once" : "at least once"} · ${own.state}`;
    $("verdict").className = "pill " + report.verdict;
    $("verdict").textContent = report.verdict;
    const notes = cluster.rebalancing ? ["The group is rebalancing."] : (cluster.missing || []);
    $("notice").hidden = notes.length === 0;
    $("notice").textContent = notes.join(" ");
    tiles(now, own);
    graph.live(now);
    views.tasks(now);
    views.stores(now, storeList);
    views.letterTopics(own.deadLetters || []);
    views.health(report, own);
    if (page() === "letters") await views.letters();
    if (page() === "sagas") await sagas.refresh();
    before = now;
    document.documentElement.dataset.ticks = 1 + +(document.documentElement.dataset.ticks || 0);
  } catch (err) {
    console.warn(err);
    $("offline").hidden = false;
    $("verdict").className = "pill stopped";
    $("verdict").textContent = "no answer";
  }
  setTimeout(tick, document.hidden ? 10 * every : every);
}

const pages = ["overview", "tasks", "stores", "sagas", "letters", "health"];
const page = () => pages.find(p => p === location.hash.slice(1).split("/")[0]) || "overview";

function turn() {
  for (const p of pages) $(p).hidden = p !== page();
  for (const a of document.querySelectorAll("nav a")) a.hash === "#" + page() ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current");
  document.querySelector("nav a[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
  if (page() === "overview") graph.fit();
  if (page() === "letters") views.letters();
  if (page() === "sagas") sagas.refresh(true);
}

async function start() {
  const kind = views.lookups(() => storeList);
  views.letterActions();
  sagas.setup();
  addEventListener("hashchange", turn);
  turn();
  try {
    const [topology, stores] = await Promise.all([api("/api/topology"), api("/api/stores")]);
    storeList = stores.stores;
    graph.draw(topology.plan);
  } catch (err) {
    $("offline").hidden = false;
    return setTimeout(() => location.reload(), 3 * every);
  }
  await tick();
  kind();
}

start();
