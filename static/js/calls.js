// What the page of a call needs beside its live region: a timer, notes that survive, and leaving.
"use strict";

(() => {
  const STEP = 1000;
  let since = null; // {at: performance.now(), seconds} of the timer that runs

  // The server says how long they have talked, as seconds at that moment; from there on the page counts.
  function tick() {
    const timer = document.querySelector("[data-timer]");
    if (!timer) {
      since = null;
      return;
    }
    const said = Number(timer.dataset.timer);
    if (since?.said !== said) since = { at: performance.now(), said };
    const seconds = said + Math.floor((performance.now() - since.at) / 1000);
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    const rest = String(seconds % 60).padStart(2, "0");
    const words = hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
    if (timer.textContent !== words) timer.textContent = words;
  }
  setInterval(tick, STEP);
  document.addEventListener("htmx:after:swap", tick);

  // Notes: per call, in this tab, until an outcome took them along.
  const keyOf = (area) => `call-note:${area.dataset.note}`;
  document.addEventListener("input", (event) => {
    const area = event.target.closest?.("[data-note]");
    if (!area) return;
    if (area.value) sessionStorage.setItem(keyOf(area), area.value);
    else sessionStorage.removeItem(keyOf(area));
  });
  function restore() {
    const area = document.querySelector("[data-note]:not([data-kept])");
    if (!area) return;
    area.dataset.kept = "";
    if (!area.value) area.value = sessionStorage.getItem(keyOf(area)) || "";
  }
  document.addEventListener("DOMContentLoaded", restore);
  document.addEventListener("htmx:after:swap", restore);

  // Whoever leaves lets somebody else have this person, after a moment: a reload comes back in time.
  addEventListener("pagehide", () => {
    const address = document.getElementById("call")?.dataset.leave;
    const token = document.querySelector("#call [name=csrfmiddlewaretoken]")?.value;
    if (!address || !token) return;
    const form = new FormData();
    form.set("csrfmiddlewaretoken", token);
    form.set("closed", "1");
    navigator.sendBeacon(address, form);
  });
})();
