// What a thread needs beside its live region: the newest message in sight, drafts that survive, sending by keyboard.
"use strict";

(() => {
  const NEAR = 80; // px from the end that still count as being at the end
  const WATCH = { childList: true, subtree: true };
  const sent = new Map();
  const seen = new Set();
  let atEnd = true;

  const scroller = () => document.getElementById("thread-scroll");
  const pill = () => document.getElementById("to-newest");

  function toEnd() {
    const box = scroller();
    if (box) box.scrollTop = box.scrollHeight;
    if (pill()) pill().hidden = true;
    atEnd = true;
  }

  // Scrolling does not bubble: caught on the way down.
  document.addEventListener("scroll", (event) => {
    if (event.target !== scroller()) return;
    const box = event.target;
    atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    if (atEnd && pill()) pill().hidden = true;
  }, { capture: true, passive: true });

  function news() {
    const fresh = [...document.querySelectorAll("#timeline > li[id]")].filter((line) => !seen.has(line.id));
    for (const line of fresh) seen.add(line.id);
    const told = fresh.filter((line) => line.dataset.news).at(-1);
    if (told) {
      document.getElementById("thread-news").textContent =
        `${told.dataset.news}: ${told.querySelector(".bubble__words")?.textContent || "a file"}`;
    }
    const ours = fresh.some((line) => line.matches(".bubble--out, .bubble--note"));
    if (fresh.length && !atEnd && !ours && told && pill()) pill().hidden = false;
    else if (atEnd || (ours && sent.size)) toEnd();
  }

  // Drafts: per thread and box, in this tab only.
  const keyOf = (area) => `draft:${area.closest("[data-thread]").dataset.thread}:${area.dataset.draft}`;

  function keep(area) {
    if (area.value) sessionStorage.setItem(keyOf(area), area.value);
    else sessionStorage.removeItem(keyOf(area));
  }

  function restore() {
    for (const area of document.querySelectorAll("textarea[data-draft]:not([data-kept])")) {
      area.dataset.kept = "";
      const key = keyOf(area);
      let draft = sessionStorage.getItem(key) || "";
      if ("done" in area.dataset) {
        // It was sent. What was typed while it was on its way stays.
        const words = sent.get(key) || "";
        draft = draft.startsWith(words) ? draft.slice(words.length).trimStart() : "";
        sent.delete(key);
        area.value = draft;
        keep(area);
      } else if (draft && !area.value) {
        area.value = draft;
      }
      if (area.value) area.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  // Not autofocus: a browser that has the focus somewhere already complains of it.
  function focus() {
    for (const element of document.querySelectorAll("[data-focus]")) {
      element.removeAttribute("data-focus");
      element.focus();
    }
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches?.("textarea[data-draft]")) keep(event.target);
  });
  document.addEventListener("submit", (event) => {
    const area = event.target.querySelector?.("textarea[data-draft]");
    if (area) sent.set(keyOf(area), area.value);
  }, { capture: true });

  document.addEventListener("keydown", (event) => {
    const area = event.target;
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !area.matches?.("textarea[data-draft]")) return;
    event.preventDefault();
    if (!event.repeat) area.form.requestSubmit();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#to-newest")) toEnd();
    const mode = event.target.closest("[data-writes]");
    // After the click has chosen the mode, and with it shown the box.
    if (mode) setTimeout(() => document.getElementById(mode.dataset.writes)?.focus());
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const line of document.querySelectorAll("#timeline > li[id]")) seen.add(line.id);
    restore();
    focus();
    toEnd();
    document.querySelector(".threads [aria-current]")?.scrollIntoView({ block: "nearest" });
    // Pictures and fonts may still move the end; so may a composer that grows.
    const end = new ResizeObserver(() => { if (atEnd) toEnd(); });
    end.observe(scroller());
    end.observe(document.getElementById("timeline"));
    new MutationObserver(() => { restore(); focus(); news(); }).observe(document.getElementById("live"), WATCH);
  });
})();
