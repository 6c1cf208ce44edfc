// Draws the workflow's list of cards as a diagram: static/js/arrange.js says where cards and the words and figures
// of the ways between them stand; lines are drawn beneath. Positions live in a stylesheet of our own, which no refresh of the list touches: figures change in place.
// Drawn anew only where the graph itself, or the room for it, has changed.
"use strict";

(() => {
  const WIDE = matchMedia("(width >= 48rem)");
  const ROOM = 16, SMALLEST = 0.3, OVERVIEW = 0.03, READABLE = 0.8, LARGEST = 1.5, STEP = 1.2;
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
    if (!part("") || !window.arrange) return;
    const found = cards(), on = WIDE.matches && found.length > 0;
    performance.mark("diagram-began");
    host().toggleAttribute("data-drawn", on);
    drawn = signature(found);
    if (!on) {
      sheet.replaceSync("");
      return;
    }
    const [measures, ways] = measured(found), room = { width: part("").clientWidth, height: part("").clientHeight };
    performance.measure("measuring", "diagram-began");
    performance.mark("layout-began");
    const drawing = arrange(measures, ways, Number(part("").dataset.hangs || 0));
    performance.measure("layout", "layout-began");
    performance.mark("drawing-began");
    drawLines(drawing.ways);
    size = { width: drawing.width, height: drawing.height };
    part("-edges").setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    const before = stood;
    stood = drawing.cards;
    positions = [...stood].map(([key, { x, y, width }]) => (
      `#card-${key} { transform: translate(${Math.round(x - width / 2)}px, ${y}px); }`
    )).concat([...drawing.ways].map(([id, way]) => { // a way's place is seen from its card, which it belongs to
      const from = stood.get(way.from), across = Math.round(way.x - from.x + from.width / 2);
      return `#${id} { transform: translate(${across}px, ${Math.round(way.y - from.y)}px) translate(-50%, -50%); }`;
    })).join("\n");
    host().toggleAttribute("data-moves", before.size > 0); // on their way only from where somebody has seen them
    if (!chosen) scale = Math.max(READABLE, fitting(room));
    place();
    stay(before);
    performance.measure("drawing", "drawing-began");
    performance.measure("diagram", "diagram-began");
  }

  // The cards and the words of their ways with their sizes, in the order in which they are read.
  function measured(found) {
    const measures = found.map((card) => ({ key: card.dataset.key, width: card.offsetWidth, height: card.offsetHeight }));
    const there = new Set(measures.map((card) => card.key));
    const { edges, opens } = part("").dataset;
    const leading = new Map(JSON.parse(edges).map(([from, to, id]) => [id, [from, to]]));
    for (const [from, id] of JSON.parse(opens || "[]")) leading.set(id, [from, ""]);
    const ways = found.flatMap((card) => [...card.querySelectorAll(".way[id]")]).filter((way) => leading.has(way.id));
    return [measures, ways.map((way) => {
      const [from, to] = leading.get(way.id); // what is folded away the way itself stands for
      return { id: way.id, from, to: there.has(to) ? to : "", width: way.offsetWidth + ROOM, height: way.offsetHeight };
    })];
  }

  // What somebody looks at stays where it is on the screen: the card in hand, else the first.
  function stay(before) {
    const area = part(""), held = area.querySelector(".node-card:focus-within, .node-card:has([aria-current])");
    const [first] = stood.keys();
    const key = held && before.has(held.dataset.key) ? held.dataset.key : first;
    const was = before.get(key), is = stood.get(key);
    if (host().matches("[data-diagram]") && is) {
      if (was) {
        area.scrollLeft += (is.x - was.x) * scale;
        area.scrollTop += (is.y - was.y) * scale;
      } else area.scrollLeft = is.x * scale - area.clientWidth / 2;
    }
  }

  function drawLines(ways) {
    const walked = new Set(JSON.parse(part("").dataset.walked || "[]")); // the ways that one contact has gone
    // Plain ones are one shape: that is drawn in less time than hundreds. Marked ones lie above what they run along with.
    let lines = "", heads = "";
    const marked = [];
    for (const [id, { points, line }] of ways) {
      const change = document.getElementById(id).dataset.change;
      const kind = change && change !== "same" ? `diagram__line--${change}` : walked.has(id) ? "diagram__line--walked" : "";
      if (kind) {
        marked.push(shape("path", { class: `diagram__edge ${kind}`, d: line }), shape("path", { class: `diagram__head ${kind}`, d: head(points) }));
      } else {
        lines += line;
        heads += head(points);
      }
    }
    const plain = [shape("path", { class: "diagram__edge", d: lines }), shape("path", { class: "diagram__head", d: heads })];
    part("-edges").replaceChildren(...plain, ...marked);
  }

  function shape(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function head(points) { // all ways come from above
    const [x, y] = points.at(-1);
    return `M${x},${y} l-4,-8 h8 Z`;
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
