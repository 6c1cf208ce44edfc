// A walkthrough: the end of its transcript stays in sight, what was answered is gone from its field, and who
// uses the keyboard stays among the controls.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  let pressed = "", length = 0;

  function toEnd() {
    const scroll = byId("walk-scroll");
    if (!scroll) return;
    const now = scroll.querySelectorAll("li").length;
    if (now !== length) scroll.scrollTop = scroll.scrollHeight;
    length = now;
  }

  document.addEventListener("submit", (event) => { pressed = event.submitter?.id || ""; }, { capture: true });
  document.addEventListener("htmx:after:swap", () => {
    const words = byId("id_words");
    if (words && (pressed === "do-reply" || pressed === "do-mail") && !document.querySelector(".walk__said[role=alert]")) words.value = "";
    toEnd();
    // What was pressed may have moved or be gone: then the words that say what can be done now have the focus.
    if (pressed && (!document.activeElement || document.activeElement === document.body)) (byId(pressed) || byId("walk-stands"))?.focus();
    pressed = "";
  });
  toEnd();
})();
