// Draws the workflow's list of cards as a diagram: dagre places the cards, edges are drawn beneath them.
// Positions live in a stylesheet of our own, which no refresh of the list touches: figures change in place.
// Drawn anew only where the graph itself, or the room for it, has changed.
"use strict";

(() => {
  const WIDE = matchMedia("(width >= 48rem)");
  const SMALLEST = 0.3, READABLE = 0.8, LARGEST = 1.5, STEP = 1.2, MARGIN = 16;
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
    part("-tools").hidden = !on;
    if (!on) {
      sheet.replaceSync("");
      return;
    }
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: "TB", nodesep: 28, edgesep: 20, ranksep: 30, marginx: MARGIN, marginy: MARGIN });
    graph.setDefaultEdgeLabel(() => ({}));
    const byKey = new Map(cards().map((card) => [card.dataset.key, card]));
    for (const [key, card] of byKey) graph.setNode(key, { width: card.offsetWidth, height: card.offsetHeight });
    for (const [from, to, words] of JSON.parse(part("").dataset.edges)) {
      const label = words ? { width: words.length * 6.2 + 12, height: 18, labelpos: "c", words } : {};
      graph.setEdge(from, to, label, words || "then"); // two ways may lead to one card
    }
    dagre.layout(graph);
    size = graph.graph();
    positions = graph.nodes().map((key) => {
      const { x, y, width, height } = graph.node(key);
      return `#card-${key} { transform: translate(${Math.round(x - width / 2)}px, ${Math.round(y - height / 2)}px); }`;
    }).join("\n");
    drawEdges(graph);
    if (!chosen) scale = Math.max(READABLE, fitting());
    place();
  }

  function drawEdges(graph) {
    const edges = part("-edges");
    edges.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    edges.replaceChildren();
    const labels = [];
    for (const name of graph.edges()) {
      const { points, x, y, words } = graph.edge(name);
      edges.append(shape("path", { class: "diagram__edge", d: curve(points) }), head(points));
      if (words) labels.push([x, y, words]);
    }
    for (const [x, y, words] of labels) { // above every line
      const text = shape("text", { class: "diagram__words", x, y: y + 4, "text-anchor": "middle" });
      text.textContent = words;
      edges.append(text);
      const box = text.getBBox();
      text.before(shape("rect", { class: "diagram__ground", x: box.x - 5, y: box.y - 1, width: box.width + 10, height: box.height + 2, rx: 4 }));
    }
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
