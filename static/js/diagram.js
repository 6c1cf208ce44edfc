// Draws the workflow's list of cards as a diagram: dagre places the cards, edges are drawn beneath them.
// Positions live in a stylesheet of our own, which no refresh of the list touches: figures change in place.
// Drawn anew only where the graph itself, or the room for it, has changed.
"use strict";

(() => {
  const WIDE = matchMedia("(width >= 48rem)");
  const SMALLEST = 0.3, READABLE = 0.8, LARGEST = 1.5, STEP = 1.2, MARGIN = 16, LABEL = 18;
  const SVG = "http://www.w3.org/2000/svg";
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  const part = (name) => document.getElementById(`diagram${name}`);
  const cards = () => [...document.querySelectorAll("#diagram .node-card")];
  const signature = () => part("")?.dataset.edges + cards().map((card) => card.id).join();
  let drawn = "", size = null, positions = "", scale = 1, chosen = false;

  function draw() {
    if (!part("") || !window.dagre) return;
    drawn = signature();
    const on = WIDE.matches && cards().length > 0;
    document.getElementById("campaign").toggleAttribute("data-drawn", on);
    if (!on) {
      sheet.replaceSync("");
      return;
    }
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "TB", nodesep: 24, edgesep: 30, ranksep: 44, marginx: MARGIN, marginy: MARGIN });
    graph.setDefaultEdgeLabel(() => ({}));
    const byKey = new Map(cards().map((card) => [card.dataset.key, card]));
    for (const [key, card] of byKey) graph.setNode(key, { width: card.offsetWidth, height: card.offsetHeight });
    for (const [from, to, words] of JSON.parse(part("").dataset.edges)) {
      graph.setEdge(from, to, { words }, words || "then"); // two ways may lead to one card
    }
    dagre.layout(graph);
    const labels = drawEdges(graph);
    size = bounds(graph, labels);
    part("-edges").setAttribute("viewBox", `${size.left} 0 ${size.width} ${size.height}`);
    positions = graph.nodes().map((key) => {
      const { x, y, width, height } = graph.node(key);
      return `#card-${key} { transform: translate(${Math.round(x - width / 2 - size.left)}px, ${Math.round(y - height / 2)}px); }`;
    }).join("\n");
    if (!chosen) scale = Math.max(READABLE, fitting());
    place();
  }

  function drawEdges(graph) {
    const edges = part("-edges");
    edges.replaceChildren();
    const labels = [];
    for (const name of graph.edges()) {
      const { points, words } = graph.edge(name);
      edges.append(shape("path", { class: "diagram__edge", d: curve(points) }), head(points));
      if (words) labels.push({ words, ...points[1] }); // in the gap below the card it leaves
    }
    for (const label of labels) { // above every line
      label.text = shape("text", { class: "diagram__words", "text-anchor": "middle" });
      label.text.textContent = label.words;
      label.ground = shape("rect", { class: "diagram__ground", height: LABEL, rx: 4 });
      edges.append(label.ground, label.text);
      label.width = label.text.getBBox().width + 10;
    }
    spread(labels);
    for (const { text, ground, x, y, width } of labels) {
      for (const [name, value] of [["x", x], ["y", y + 4]]) text.setAttribute(name, value);
      for (const [name, value] of [["x", x - width / 2], ["y", y - LABEL / 2], ["width", width]]) ground.setAttribute(name, value);
    }
    return labels;
  }

  // dagre's own width knows cards only: ways round them and words may reach further.
  function bounds(graph, labels) {
    const { width, height } = graph.graph();
    const ways = graph.edges().flatMap((name) => graph.edge(name).points.map((point) => point.x));
    const ends = labels.flatMap((label) => [label.x - label.width / 2, label.x + label.width / 2]);
    const left = Math.floor(Math.min(MARGIN, ...ways, ...ends) - MARGIN);
    const right = Math.ceil(Math.max(width - MARGIN, ...ways, ...ends) + MARGIN);
    return { left, width: right - left, height: Math.ceil(height) };
  }

  // Words in one gap that would cover each other move aside.
  function spread(labels) {
    labels.sort((one, other) => one.y - other.y || one.x - other.x);
    labels.forEach((label, i) => {
      const left = labels[i - 1];
      if (!left || Math.abs(left.y - label.y) > LABEL) return;
      label.x = Math.max(label.x, left.x + (left.width + label.width) / 2 + 4);
    });
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

  function head(points) {
    const [from, to] = points.slice(-2);
    const angle = Math.atan2(to.y - from.y, to.x - from.x) * 180 / Math.PI;
    return shape("path", { class: "diagram__head", d: "M0,0 L-8,-4 L-8,4 Z", transform: `translate(${to.x},${to.y}) rotate(${angle})` });
  }

  const fitting = () => Math.min(1, part("").clientWidth / size.width, part("").clientHeight / size.height);

  function place() {
    const { width, height } = size;
    sheet.replaceSync(`${positions}
      #diagram-canvas { width: ${Math.ceil(width * scale)}px; height: ${Math.ceil(height * scale)}px; }
      #diagram-plane { width: ${width}px; height: ${height}px; transform: scale(${scale}); }
      #diagram-edges { width: ${width}px; height: ${height}px; }`);
  }

  function zoom(how) {
    chosen = how !== "fit";
    if (how === "fit") scale = fitting();
    else scale *= how === "in" ? STEP : 1 / STEP;
    scale = Math.min(LARGEST, Math.max(SMALLEST, scale));
    place();
  }

  document.addEventListener("click", (event) => {
    const how = event.target.closest?.("[data-zoom]")?.dataset.zoom;
    if (how && size) zoom(how);
  });
  document.addEventListener("htmx:after:swap", () => { if (signature() !== drawn) draw(); });
  WIDE.addEventListener("change", draw);
  draw();
  if (part("")) {
    let width = part("").clientWidth;
    new ResizeObserver(() => {
      if (part("").clientWidth === width || !size) return;
      width = part("").clientWidth;
      if (!chosen) draw();
    }).observe(part(""));
  }
})();
