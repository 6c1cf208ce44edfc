// Live regions: the one place that decides when they ask. Each carries its own pace ({% live every=2 %});
// here: never in a hidden tab nor while paused, more rarely while nobody is there, at once on return.
"use strict";

(() => {
  const TIMED = new Set(["every", "visibilitychange", "refresh"]);
  const IDLE_SECONDS = 5 * 60; // without a key, pointer or touch
  const IDLE_ASKS_EACH = 5; // of so many turns, one asks
  const PAUSED = "truckroll.paused";
  const WORDS = { live: "Live", paused: "Paused", offline: "Not updating" };

  let touched = Date.now();
  let failing = false;
  const turns = new WeakMap();

  const paused = () => sessionStorage.getItem(PAUSED) === "yes";
  const idle = () => Date.now() - touched > IDLE_SECONDS * 1000;
  const refresh = () => document.dispatchEvent(new Event("refresh"));

  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"]) {
    addEventListener(kind, () => {
      const wasIdle = idle();
      touched = Date.now();
      if (wasIdle) refresh();
    }, { passive: true, capture: true });
  }

  document.addEventListener("htmx:config:request", (event) => {
    const { sourceElement, sourceEvent, request } = event.detail.ctx;
    if (!TIMED.has(sourceEvent?.type)) return;
    if (document.hidden || paused() || skipsThisTurn(sourceElement, sourceEvent)) {
      event.preventDefault();
      return;
    }
    request.headers["X-Poll"] = "1"; // a timer's request does not keep the session alive
  });

  function skipsThisTurn(element, event) {
    if (event.type !== "every" || !idle()) return false;
    const turn = (turns.get(element) || 0) + 1;
    turns.set(element, turn);
    return turn % IDLE_ASKS_EACH !== 0;
  }

  // Whether the last answer came: a region that cannot ask keeps showing what it has, and says so.
  const timed = (event) => TIMED.has(event.detail?.ctx?.sourceEvent?.type);
  document.addEventListener("htmx:after:request", (event) => {
    if (timed(event)) failed((event.detail.ctx.response?.status ?? 0) >= 500);
  });
  document.addEventListener("htmx:error", (event) => {
    if (timed(event) && !document.hidden) failed(true);
  });

  function failed(now) {
    if (failing === now) return;
    failing = now;
    show();
  }

  function show() {
    const button = document.getElementById("live-switch");
    if (!button) return;
    const state = paused() ? "paused" : failing ? "offline" : "live";
    button.hidden = !document.querySelector("main [data-live]");
    button.dataset.state = state;
    button.setAttribute("aria-pressed", String(paused()));
    button.textContent = WORDS[state];
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#live-switch")) return;
    sessionStorage.setItem(PAUSED, paused() ? "no" : "yes");
    show();
    if (!paused()) refresh();
  });
  document.addEventListener("DOMContentLoaded", show);
})();
