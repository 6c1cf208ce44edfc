// The picker of merge fields: [data-fields-for="id"] opens the page's one list, a choice goes in at the cursor.
"use strict";

(() => {
  let opener = null; // the button that was pressed
  let chosen = null; // the field whose fallback is being asked for
  let inserted = false;

  const dialog = () => document.getElementById("merge-fields");
  const part = (name) => dialog().querySelector(`[data-picker-${name}]`);
  const words = () => opener && document.getElementById(opener.dataset.fieldsFor);

  // A box nobody has been in has its cursor at the beginning: there the field goes to the end.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.("textarea, input[type=text]")) event.target.dataset.visited = "";
  });

  function open(button) {
    opener = button;
    inserted = false;
    toList();
    const find = document.getElementById("merge-fields-find");
    find.value = "";
    filter("");
    dialog().showModal();
    find.focus();
    document.getElementById("merge-fields-list").dispatchEvent(new Event("fields-opened"));
  }

  function toList() {
    chosen = null;
    part("choose").hidden = false;
    if (part("fallback")) part("fallback").hidden = true;
  }

  function filter(typed) {
    const wanted = typed.trim().toLowerCase().split(/\s+/);
    let shown = 0;
    for (const line of dialog().querySelectorAll("[data-words]")) {
      line.hidden = !wanted.every((word) => line.dataset.words.includes(word));
      const button = line.querySelector("button");
      button.toggleAttribute("data-arrow", !line.hidden && !button.disabled);
      if (!line.hidden) shown += 1;
    }
    for (const group of dialog().querySelectorAll(".picker__group")) group.hidden = !group.querySelector("li:not([hidden])");
    part("none").hidden = shown > 0 || !dialog().querySelector("[data-words]");
  }

  function choose(button) {
    if ("value" in button.dataset) {
      insert(button.dataset.value);
      return;
    }
    chosen = button;
    part("choose").hidden = true;
    part("fallback").hidden = false;
    part("label").textContent = button.dataset.label.charAt(0).toLowerCase() + button.dataset.label.slice(1);
    const instead = document.getElementById("merge-fields-words");
    instead.value = (opener.dataset.language === "es" ? button.dataset.fallbackEs : button.dataset.fallback) || "";
    part("fallback").elements.otherwise.value = instead.value ? "words" : "skip";
    instead.focus();
    instead.select();
  }

  function field() {
    const form = part("fallback");
    const instead = document.getElementById("merge-fields-words").value.replace(/["{}%]/g, "").trim();
    const name = chosen.dataset.field;
    return form.elements.otherwise.value === "words" && instead ? `{{ ${name} | default: "${instead}" }}` : `{{ ${name} }}`;
  }

  function insert(text) {
    const box = words();
    inserted = true;
    dialog().close();
    if (!box) return;
    const visited = "visited" in box.dataset;
    const [from, to] = visited ? [box.selectionStart, box.selectionEnd] : [box.value.length, box.value.length];
    box.focus();
    box.setRangeText(text, from, to, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fields-for]");
    if (button && dialog()) open(button);
    const choice = event.target.closest("#merge-fields [data-field]");
    if (choice) choose(choice);
    if (event.target.closest("[data-picker-back]")) {
      toList();
      document.getElementById("merge-fields-find").focus();
    }
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "merge-fields-find") filter(event.target.value);
    // Whoever writes words instead wants them.
    if (event.target.id === "merge-fields-words") part("fallback").elements.otherwise.value = "words";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.id !== "merge-fields-find") return;
    event.preventDefault();
    dialog().querySelector("li:not([hidden]) .picker__field:not(:disabled)")?.click();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-picker-fallback]")) return;
    event.preventDefault();
    insert(field());
  });
  document.addEventListener("DOMContentLoaded", () => {
    // The browser gives the focus back to the button; after a choice it belongs to the words.
    dialog()?.addEventListener("close", () => { if (inserted) words()?.focus(); });
  });
  // A list that came by itself is searched for what is typed already.
  document.addEventListener("htmx:after:swap", () => {
    if (dialog()?.open) filter(document.getElementById("merge-fields-find").value);
  });
})();

(() => {
  // Nothing typed is left behind: what is not kept yet is asked about.
  const kept = new WeakMap();
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-keeps]");
    if (form) kept.set(form, (kept.get(form) || 0) + 1);
  });
  document.addEventListener("htmx:after:request", (event) => {
    const form = event.detail?.ctx?.sourceElement?.closest?.("form[data-keeps]");
    if (form && event.detail.ctx.response?.status === 200) kept.set(form, 0);
  });
  addEventListener("beforeunload", (event) => {
    if ([...document.querySelectorAll("form[data-keeps]")].some((form) => kept.get(form))) event.preventDefault();
  });
})();
