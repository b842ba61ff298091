// The topology as a live graph.
import cytoscape from "/libraries/cytoscape.mjs";
import dagre from "/libraries/cytoscape-dagre.mjs";
import { $, h, rate, number, duration } from "/dom.js";

cytoscape.use(dagre);

let cy, selected, narrow;

const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

function style() {
  const text = color("text"), card = color("card"), line = color("line");
  const kind = c => ({ "border-color": color(c), "background-color": color(c), "background-opacity": .14 });
  return [
    { selector: "node", style: { label: "data(label)", color: text, "font-size": 13, "font-family": "system-ui, sans-serif", "text-wrap": "wrap", "text-max-width": 150, "text-valign": "center", "text-halign": "center", shape: "round-rectangle", "border-width": 1.5, "background-color": card, "line-height": 1.25 } },
    { selector: "[w]", style: { width: "data(w)", height: "data(h)" } },
    { selector: ".topic", style: { shape: "round-tag", ...kind("topic") } },
    { selector: ".operator", style: kind("operator") },
    { selector: ".store", style: { shape: "barrel", ...kind("store") } },
    { selector: ".sub", style: { label: "data(label)", "background-color": color("soft"), "background-opacity": .06, "border-color": line, "border-width": 1, "text-valign": "top", "text-halign": "center", "font-size": 12, color: color("soft"), padding: 14, shape: "round-rectangle" } },
    { selector: ".behind", style: { "border-width": 3, "border-color": color("warn") } },
    { selector: "edge", style: { width: "data(width)", "line-color": color("soft"), "line-opacity": .55, "target-arrow-color": color("soft"), "target-arrow-shape": "triangle", "arrow-scale": .8, "curve-style": "bezier" } },
    { selector: "edge.state", style: { "line-style": "dashed", "target-arrow-shape": "none", "line-opacity": .45 } },
    { selector: "edge.flowing", style: { "line-color": color("accent"), "target-arrow-color": color("accent"), "line-opacity": .85 } },
    { selector: ":selected", style: { "border-width": 3, "border-color": color("accent") } },
  ];
}

const short = name => name.replace(/^KSTREAM-|^KTABLE-/, m => m === "KTABLE-" ? "table " : "").replace(/-0+(\d+)/g, " $1").replace(/^(.+)-repartition-(filter|sink|source)$/, "$1\nrepartition $2").replace(/^KSTREAM-|KTABLE-/g, "").toLowerCase();

// elements makes the graph of a plan.
function elements(plan) {
  const out = [], topics = new Map();
  const node = (id, name, cls, parent, shown) => out.push({ data: { id, name, shown, label: shown + "\n ", parent, w: Math.max(cls === "store" ? 118 : 84, Math.max(...shown.split("\n").map(l => l.length)) * 7.4 + (cls === "topic" ? 46 : 24)), h: shown.includes("\n") ? 60 : 44 }, classes: cls });
  const edge = (source, target, of, cls = "") => out.push({ data: { id: source + ">" + target, source, target, of, width: 1.2 }, classes: cls });
  const topic = name => {
    if (!topics.has(name)) {
      topics.set(name, "t:" + name);
      const own = name.startsWith(plan.application + "-") ? name.slice(plan.application.length + 1) : name;
      node("t:" + name, name, "topic", undefined, own.length > 26 ? short(own) : own);
    }
    return topics.get(name);
  };
  for (const sub of plan.subtopologies) {
    const id = "s:" + sub.id;
    out.push({ data: { id, label: "subtopology " + sub.id }, classes: "sub" });
    for (const s of sub.stores) node("d:" + s.name, s.name, "store", id, s.name.length > 26 ? short(s.name) : s.name);
    for (const n of sub.nodes) {
      const me = "n:" + n.name;
      node(me, n.name, "operator", id, short(n.name));
      for (const to of n.to || []) edge(me, "n:" + to, n.name);
      for (const s of n.stores || []) edge(me, "d:" + s, null, "state");
      for (const t of n.topics || []) n.kind === "source" ? edge(topic(t), me, n.name) : edge(me, topic(t), n.name);
      if (n.pattern) edge(topic(n.pattern), me, n.name);
    }
  }
  return out;
}

const layout = () => ({ name: "dagre", rankDir: narrow ? "TB" : "LR", nodeSep: narrow ? 14 : 18, rankSep: narrow ? 34 : 38, padding: 18, animate: false });

export function draw(plan) {
  narrow = matchMedia("(max-width: 640px)").matches;
  cy = cytoscape({ container: $("graph"), elements: elements(plan), style: style(), layout: layout(), minZoom: .15, maxZoom: 2.5, boxSelectionEnabled: false });
  window.tidemillGraph = cy; // for whoever looks at it from the console, and for tests
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cy.style(style()));
  matchMedia("(max-width: 640px)").addEventListener("change", e => { narrow = e.matches; cy.layout(layout()).run(); fit(); });
  fit();
  addEventListener("resize", fit);
  cy.on("select unselect", () => { selected = cy.$("node:selected").not(".sub").id(); show(); });
  $("fit").addEventListener("click", fit);
}

// fit gives the graph the height that it needs and shows all of it.
export function fit() {
  if (!cy) return;
  const box = cy.elements().boundingBox(), width = $("graph").clientWidth || 800;
  const scale = Math.min(1.25, (width - 36) / box.w);
  $("graph").style.height = Math.max(240, Math.min(narrow ? 900 : 720, box.h * scale + 40)) + "px";
  cy.resize();
  cy.fit(undefined, 18);
}

let last;

// live updates the rates, lags and sizes.
export function live(now) {
  last = now;
  if (!cy) return;
  cy.batch(() => {
    for (const [name, r] of now.nodes) label("n:" + name, rate(r));
    for (const [name, s] of now.stores) label("d:" + name, number(s.entries) + " in memory");
    for (const [name, t] of now.topics) {
      label("t:" + name, t.lag > 0 ? "lag " + number(t.lag) : t.lag === 0 ? "no lag" : "");
      cy.getElementById("t:" + name).toggleClass("behind", t.lag > 1000);
    }
    cy.edges().forEach(e => {
      const r = now.nodes.get(e.data("of"));
      e.data("width", r > 0 ? Math.min(5, 1.2 + Math.log10(1 + r) * .8) : 1.2);
      e.toggleClass("flowing", r > 0);
    });
  });
  show();
}

function label(id, second) {
  const e = cy.getElementById(id);
  if (e.length) e.data("label", e.data("shown") + "\n" + (second || " "));
}

function show() {
  const box = $("selected");
  box.hidden = !selected || !last;
  if (box.hidden) return;
  const e = cy.getElementById(selected), name = e.data("name"), lines = [];
  if (selected.startsWith("n:")) lines.push("passes on " + rate(last.nodes.get(name)), number(last.passed.get(name)) + " so far");
  const t = last.topics.get(name), s = last.stores.get(name);
  if (t) lines.push(t.partitions + " partitions read", "lag " + number(t.lag) + " records", "newest record " + duration(t.lateness) + " old");
  if (s) lines.push(number(s.entries) + " rows in memory", "memory answers " + (100 * s.hits / Math.max(1, s.hits + s.misses)).toFixed(1) + " % of look-ups");
  box.replaceChildren(h("h3", {}, name), ...lines.map(l => h("div", { class: "soft" }, l)));
}
