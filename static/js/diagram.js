// Draws the workflow's list of cards as a diagram: dagre places cards and the words and figures of the ways
// between them; lines are drawn beneath. Positions live in a stylesheet of our own, which no refresh of the list touches: figures change in place.
// Drawn anew only where the graph itself, or the room for it, has changed.
"use strict";

(() => {
  const WIDE = matchMedia("(width >= 48rem)");
  const ROOM = 16, SMALLEST = 0.3, OVERVIEW = 0.03, READABLE = 0.8, LARGEST = 1.5, STEP = 1.2, MARGIN = 16;
  const SVG = "http://www.w3.org/2000/svg";
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  const part = (name) => document.getElementById(`diagram${name}`);
  const cards = () => [...document.querySelectorAll("#diagram .node-card")].filter((card) => !card.closest("[hidden]"));
  // What the diagram stands in; there cards are as high as what they say, and may be folded away.
  const host = () => part("")?.closest("[data-diagram], .campaign");
  function signature(found) {
    const { edges, opens, walked } = part("")?.dataset || {};
    const high = host()?.matches("[data-diagram]") ? found.map((card) => card.offsetHeight) : [];
    return [edges, opens, walked, found.map((card) => card.id), high].join();
  }
  let drawn = "", size = null, positions = "", scale = 1, chosen = false, stood = new Map();

  // Everything is read first, in one go, then placed, then written: the browser lays the page out once.
  function draw() {
    if (!part("") || !window.dagre) return;
    const found = cards(), on = WIDE.matches && found.length > 0;
    performance.mark("diagram-began");
    host().toggleAttribute("data-drawn", on);
    drawn = signature(found);
    if (!on) {
      sheet.replaceSync("");
      return;
    }
    const graph = measured(found), room = { width: part("").clientWidth, height: part("").clientHeight };
    performance.measure("measuring", "diagram-began");
    performance.mark("layout-began");
    // Where no two ways meet in one card, the first order has no crossings to look for a better one.
    dagre.layout(graph, { disableOptimalOrderHeuristic: graph.nodes().every((key) => graph.inEdges(key).length < 2) });
    performance.measure("layout", "layout-began");
    performance.mark("drawing-began");
    drawEdges(graph);
    size = bounds(graph);
    part("-edges").setAttribute("viewBox", `${size.left} 0 ${size.width} ${size.height}`);
    const before = stood;
    stood = new Map(graph.nodes().map((key) => [key, graph.node(key)]));
    positions = graph.nodes().filter((key) => !graph.node(key).open).map((key) => {
      const { x, y, width, height } = graph.node(key);
      return `#card-${key} { transform: translate(${Math.round(x - width / 2 - size.left)}px, ${Math.round(y - height / 2)}px); }`;
    }).concat(graph.edges().map((name) => { // a way's place is seen from its card, which it belongs to
      const { x, y } = graph.node(name.w).open ? graph.node(name.w) : graph.edge(name), from = graph.node(name.v);
      const across = Math.round(x - from.x + from.width / 2), down = Math.round(y - from.y + from.height / 2);
      return `#${name.name} { transform: translate(${across}px, ${down}px) translate(-50%, -50%); }`;
    })).join("\n");
    if (!chosen) scale = Math.max(READABLE, fitting(room));
    place();
    stay(before);
    performance.measure("drawing", "drawing-began");
    performance.measure("diagram", "diagram-began");
  }

  // The cards and ways with their sizes, as dagre wants them.
  function measured(found) {
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    // A tight tree takes half as long as dagre's usual ranks, and its ways are longer by a fortieth.
    graph.setGraph({ rankdir: "TB", ranker: "tight-tree", nodesep: 24, edgesep: 16, ranksep: 34, marginx: MARGIN, marginy: MARGIN });
    graph.setDefaultEdgeLabel(() => ({}));
    const there = new Set();
    for (const card of found) {
      there.add(card.dataset.key);
      graph.setNode(card.dataset.key, { width: card.offsetWidth, height: card.offsetHeight });
    }
    const met = new Set();
    const opens = JSON.parse(part("").dataset.opens || "[]");
    for (const [from, to, way] of JSON.parse(part("").dataset.edges)) { // two ways may lead to one card
      if (!there.has(from)) continue;
      if (!there.has(to)) { // folded away: the way itself stands for what it leads to
        opens.push([from, way]);
        continue;
      }
      const { offsetWidth, offsetHeight } = document.getElementById(way);
      // The first way to a card holds it near; without that a card whose way on is long is drawn far down.
      // dagre gives no place to words without a height: those that only readers hear, where nothing can be added.
      graph.setEdge(from, to, { width: offsetWidth + ROOM, height: offsetHeight || 1, labelpos: "c", weight: met.has(to) ? 1 : 4 }, way);
      met.add(to);
    }
    for (const [from, way] of opens) { // a way that ends in the open is drawn to its own words
      if (!there.has(from)) continue;
      const { offsetWidth, offsetHeight } = document.getElementById(way);
      graph.setNode(`${way} open`, { width: offsetWidth + ROOM, height: offsetHeight, open: true });
      graph.setEdge(from, `${way} open`, { weight: 4 }, way);
    }
    return graph;
  }

  // What somebody looks at stays where it is on the screen: the card in hand, else the first.
  let left = 0;
  function stay(before) {
    const area = part(""), held = area.querySelector(".node-card:focus-within, .node-card:has([aria-current])");
    const [first] = stood.keys();
    const key = held && before.has(held.dataset.key) ? held.dataset.key : first;
    const was = before.get(key), is = stood.get(key);
    if (host().matches("[data-diagram]") && is) {
      if (was) {
        area.scrollLeft += ((is.x - size.left) - (was.x - left)) * scale;
        area.scrollTop += (is.y - was.y) * scale;
      } else area.scrollLeft = (is.x - size.left) * scale - area.clientWidth / 2;
    }
    left = size.left;
  }

  function drawEdges(graph) {
    const walked = new Set(JSON.parse(part("").dataset.walked || "[]")); // the ways that one contact has gone
    const lines = graph.edges().flatMap((name) => {
      const { points } = graph.edge(name), change = document.getElementById(name.name)?.dataset.change;
      const gone = walked.has(name.name) ? " diagram__line--walked" : "";
      const kind = change && change !== "same" ? ` diagram__line--${change}` : gone;
      return [shape("path", { class: `diagram__edge${kind}`, d: curve(points) }), head(points, kind)];
    });
    part("-edges").replaceChildren(...lines);
  }

  // dagre's own width knows cards only: ways round them and their words may reach further.
  function bounds(graph) {
    const { width, height } = graph.graph();
    const ways = graph.edges().flatMap((name) => {
      const { points, x, width: wide } = graph.edge(name);
      return [...(wide ? [x - wide / 2, x + wide / 2] : []), ...points.map((point) => point.x)];
    });
    const left = Math.floor(Math.min(MARGIN, ...ways) - MARGIN);
    const right = Math.ceil(Math.max(width - MARGIN, ...ways) + MARGIN);
    return { left, width: right - left, height: Math.ceil(height) };
  }

  function shape(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  // A smooth line through dagre's points.
  function curve(points) {
    let path = `M${points[0].x},${points[0].y}`;
    for (let i = 1; i < points.length - 1; i += 1) {
      const last = i === points.length - 2;
      const x = last ? points[i + 1].x : (points[i].x + points[i + 1].x) / 2;
      const y = last ? points[i + 1].y : (points[i].y + points[i + 1].y) / 2;
      path += ` Q${points[i].x},${points[i].y} ${x},${y}`;
    }
    return points.length > 2 ? path : `${path} L${points[1].x},${points[1].y}`;
  }

  function head(points, kind) {
    const [from, to] = points.slice(-2);
    const angle = Math.atan2(to.y - from.y, to.x - from.x) * 180 / Math.PI;
    return shape("path", { class: `diagram__head${kind}`, d: "M0,0 L-8,-4 L-8,4 Z", transform: `translate(${to.x},${to.y}) rotate(${angle})` });
  }

  const fitting = ({ width, height }) => Math.min(1, width / size.width, height / size.height);

  function place() {
    const { width, height } = size;
    sheet.replaceSync(`${positions}
      #diagram-canvas { width: ${Math.ceil(width * scale)}px; height: ${Math.ceil(height * scale)}px; }
      #diagram-plane { width: ${width}px; height: ${height}px; transform: scale(${scale}); }
      #diagram-edges { width: ${width}px; height: ${height}px; }`);
  }

  // Fitting shows all of it, however small; else the middle of what is looked at stays in the middle.
  function zoom(how) {
    chosen = how !== "fit";
    const area = part(""), before = scale;
    const middle = { x: area.scrollLeft + area.clientWidth / 2, y: area.scrollTop + area.clientHeight / 2 };
    if (how === "fit") scale = Math.max(OVERVIEW, fitting({ width: area.clientWidth, height: area.clientHeight }));
    else if (how === "in") scale = Math.min(LARGEST, Math.max(SMALLEST, scale * STEP));
    else scale = Math.min(scale, Math.max(SMALLEST, scale / STEP));
    place();
    const grown = how === "fit" ? 0 : scale / before;
    area.scrollTo(middle.x * grown - area.clientWidth / 2, middle.y * grown - area.clientHeight / 2);
  }

  document.addEventListener("click", (event) => {
    const how = event.target.closest?.("[data-zoom]")?.dataset.zoom;
    if (how && size) zoom(how);
  });
  document.addEventListener("htmx:after:swap", () => { if (part("") && signature(cards()) !== drawn) draw(); });
  document.addEventListener("diagram", draw); // something was folded away, or out again
  WIDE.addEventListener("change", draw);
  draw();
  if (part("")) {
    let width = part("").clientWidth;
    new ResizeObserver(() => {
      if (!part("") || part("").clientWidth === width || !size) return; // gone with a campaign that is undone
      width = part("").clientWidth;
      if (!chosen) draw();
    }).observe(part(""));
  }
})();
