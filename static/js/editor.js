// The editor of a workflow: what is typed is kept, keys go from step to step and undo, branches fold.
// Everything that is done is a link or a form of the page itself; this makes it quick.
"use strict";

(() => {
  const KEEP_AFTER = 600; // milliseconds after the last key
  const TRY_AGAIN_AFTER = 5000; // milliseconds
  const byId = (id) => document.getElementById(id);
  const frame = () => byId("panel-frame");
  const typing = (element) => element.matches?.("textarea, select, input, [contenteditable]");

  // What is typed is kept a moment later, at once where somebody leaves the field.
  let timer = 0, dirty = null;
  function keep() {
    clearTimeout(timer);
    const form = dirty;
    dirty = null;
    if (form?.isConnected) form.dispatchEvent(new Event("keep"));
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("#step-form");
    if (!form?.hasAttribute("hx-post") || event.target.type === "file") return;
    dirty = form;
    clearTimeout(timer);
    timer = setTimeout(keep, KEEP_AFTER);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("#step-form");
    if (!form?.hasAttribute("hx-post") || event.target.type === "file") return;
    if (!event.target.matches("[data-reshapes]")) {
      keep();
      return;
    }
    clearTimeout(timer); // the form looks otherwise now: the server draws it again
    dirty = null;
    form.requestSubmit(form.querySelector("button[name=reshape]"));
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id === "step-form") { clearTimeout(timer); dirty = null; }
  });
  // What could not be kept is said, and tried again: with the next key, before the page is left, or by itself.
  function unkept(event) {
    const form = event.detail?.ctx?.sourceElement;
    if (form?.id !== "step-form" || !form.isConnected) return;
    byId("step-state").textContent = "Not kept: the server did not take it. It stands here and is tried again.";
    dirty = form;
    clearTimeout(timer);
    timer = setTimeout(keep, TRY_AGAIN_AFTER);
  }
  document.addEventListener("htmx:error", unkept);
  document.addEventListener("htmx:after:request", (event) => {
    if ((event.detail?.ctx?.response?.status ?? 0) >= 500) unkept(event);
  });
  // Whatever is done next comes after what was typed.
  document.addEventListener("click", (event) => { if (dirty && !dirty.contains(event.target)) keep(); }, { capture: true });
  addEventListener("beforeunload", (event) => { if (dirty) { keep(); event.preventDefault(); } });

  // The panel: which step it shows, and on a phone that it covers the list.
  let opener = null;
  function show() {
    const key = byId("panel").querySelector("[data-step]")?.dataset.step || "";
    for (const link of document.querySelectorAll("#diagram .node-card__head")) {
      if (link.id === `open-${key}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const open = Boolean(key) || Boolean(byId("panel").querySelector("[data-adding]"));
    byId("editor").dataset.panelOpen = open ? "yes" : "";
    const address = new URL(location);
    if (key) address.searchParams.set("step", key);
    else address.searchParams.delete("step");
    address.searchParams.delete("contact");
    history.replaceState(history.state, "", address);
  }
  function closePanel() {
    const key = byId("panel").querySelector("[data-step]")?.dataset.step;
    keep();
    byId("panel").replaceChildren(byId("panel-rest").content.cloneNode(true));
    show();
    (byId(`open-${key}`) || (opener?.isConnected ? opener : null) || byId("diagram")).focus();
  }
  document.addEventListener("click", (event) => {
    const closes = event.target.closest("[data-close-panel]");
    if (closes && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      closePanel();
      return;
    }
    if (event.target.closest("#diagram a")) opener = event.target.closest("#diagram a");
    const jump = event.target.closest("[data-jump]");
    if (jump) {
      byId("modal")?.open && byId("modal").close();
      byId(`card-${jump.dataset.jump}`)?.scrollIntoView({ block: "center", inline: "center" });
    }
  });

  // Keys: arrows go to the nearest step in their direction; undo and redo as everywhere; Escape closes.
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog:modal")) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z" && !typing(event.target)) {
      const button = byId(event.shiftKey ? "redo" : "undo");
      event.preventDefault();
      if (button && !button.disabled) button.click();
    } else if (event.key === "Escape" && frame()?.contains(event.target) && byId("editor").dataset.panelOpen) {
      event.preventDefault();
      closePanel();
    } else if (event.key.startsWith("Arrow") && !command && !event.altKey && byId("diagram")?.contains(event.target)) {
      const next = nearest(event.target, event.key.slice(5).toLowerCase());
      if (!next) return;
      event.preventDefault();
      next.focus({ preventScroll: true });
      next.closest(".node-card").scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  });

  function nearest(from, direction) {
    const heads = [...document.querySelectorAll("#diagram .node-card__head")].filter((head) => head.checkVisibility());
    const here = from.closest(".node-card");
    if (!here || here.id === "card--start") return heads[0];
    if (!byId("editor").hasAttribute("data-drawn")) {
      const step = { down: 1, up: -1 }[direction];
      return step && heads[heads.findIndex((head) => here.contains(head)) + step];
    }
    const middle = (card) => { const box = card.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
    const [x, y] = middle(here);
    const [along, across] = { down: [1, 1], up: [1, -1], right: [0, 1], left: [0, -1] }[direction] || [0, 0];
    let best = null, least = Infinity;
    for (const head of heads) {
      const card = head.closest(".node-card");
      if (card === here) continue;
      const [cx, cy] = middle(card);
      const ahead = (along ? cy - y : cx - x) * across, aside = Math.abs(along ? cx - x : cy - y);
      const far = ahead + 2 * aside;
      if (ahead > 4 && (along || aside < ahead * 2 + 40) && far < least) { best = head; least = far; }
    }
    // Cards that are still on their way to their places have none: then the list's order decides.
    const step = { down: 1, right: 1, up: -1, left: -1 }[direction];
    return best || heads[heads.findIndex((head) => here.contains(head)) + step];
  }

  // Branches fold: what a way alone leads to stands inside it, and goes away with it.
  const folded = new Set();
  const inside = (way) => document.querySelector(`[data-inside="${CSS.escape(way)}"]`);
  function fold() {
    for (const button of document.querySelectorAll("[data-fold]")) {
      const steps = inside(button.dataset.fold);
      const away = folded.has(button.dataset.fold) && Boolean(steps);
      button.hidden = !steps;
      button.setAttribute("aria-expanded", String(!away));
      if (!steps) continue;
      const count = steps.querySelectorAll(".node-card").length;
      steps.hidden = away;
      button.textContent = away ? `${count} step${count === 1 ? "" : "s"} folded` : "Fold";
    }
    const all = document.querySelector("[data-fold-all]");
    if (!all) return;
    all.hidden = !document.querySelector("[data-inside]");
    all.setAttribute("aria-pressed", String(folded.size > 0));
    all.textContent = folded.size ? "Unfold branches" : "Fold branches";
  }
  document.addEventListener("click", (event) => {
    const one = event.target.closest("[data-fold]"), all = event.target.closest("[data-fold-all]");
    if (!one && !all) return;
    if (all) {
      if (folded.size) folded.clear();
      else for (const steps of document.querySelectorAll("[data-inside]")) folded.add(steps.dataset.inside);
    } else if (!folded.delete(one.dataset.fold)) folded.add(one.dataset.fold);
    fold();
    document.dispatchEvent(new Event("diagram"));
  });

  document.addEventListener("htmx:after:swap", () => {
    fold();
    if (folded.size) document.dispatchEvent(new Event("diagram"));
    const before = document.querySelector("#diagram [aria-current]")?.id;
    show();
    const now = document.querySelector("#diagram [aria-current]");
    if (now && now.id !== before) now.closest(".node-card").scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  fold();
  show();
  document.querySelector("#diagram [aria-current]")?.closest(".node-card").scrollIntoView({ block: "nearest", inline: "nearest" });
})();
