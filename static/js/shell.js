// Menus, dialogs and keys of the page shell.
"use strict";

(() => {
  const OFF = "truckroll.shortcuts"; // "off": somebody dictates, or types keys by accident (WCAG 2.1.4)
  const PLACES = { d: "/", c: "/campaigns/", i: "/conversations/" };
  const CHORD_SECONDS = 1.5;
  let chord = 0;

  const byId = (id) => document.getElementById(id);
  const keysOff = () => localStorage.getItem(OFF) === "off";

  // Menus close on a click elsewhere, on a choice, and on Escape.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target) || event.target.closest(".menu__list :is(a, button)")) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
  });

  // Dialogs: data-opens="search", data-close, a click beside them. The browser gives the focus back.
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    const dialog = opener && byId(opener.dataset.opens);
    if (dialog && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      open(dialog);
      return;
    }
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    if (event.target.tagName === "DIALOG" && event.target.id !== "confirm" && beside(event)) event.target.close();
  });

  function beside({ target, clientX, clientY }) {
    const box = target.getBoundingClientRect();
    return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
  }

  function open(dialog) {
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
  }

  // Whatever lands in #modal-body opens the modal; its root may say how large and how it is called.
  document.addEventListener("htmx:after:swap", () => {
    const modal = byId("modal");
    const root = byId("modal-body")?.firstElementChild;
    if (!modal || !root) return;
    modal.classList.toggle("dialog--large", root.dataset.modalSize === "large");
    const title = root.querySelector("h1, h2");
    if (title) modal.setAttribute("aria-label", title.textContent.trim());
    if (!modal.open) open(modal);
  });
  document.addEventListener("close-modal", () => byId("modal")?.close()); // an answer's HX-Trigger: it is done
  document.addEventListener("DOMContentLoaded", () => {
    byId("modal")?.addEventListener("close", () => {
      byId("modal-body").replaceChildren();
      document.dispatchEvent(new Event("refresh")); // what was done in it shows at once
    });
    for (const box of document.querySelectorAll("[data-shortcuts-switch]")) box.checked = !keysOff();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-shortcuts-switch]")) localStorage.setItem(OFF, event.target.checked ? "on" : "off");
  });

  // Keys: "/" searches, "?" explains, "g" then a letter goes somewhere, and data-key="r" on an element answers "r".
  document.addEventListener("keydown", (event) => {
    if (keysOff() || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog:modal")) return;
    if (Date.now() - chord < CHORD_SECONDS * 1000 && PLACES[event.key]) {
      event.preventDefault();
      location.assign(PLACES[event.key]);
    } else if (event.key === "g") {
      chord = Date.now();
    } else if (event.key === "/" && byId("search")) {
      event.preventDefault();
      open(byId("search"));
    } else if (event.key === "?" && byId("shortcuts")) {
      event.preventDefault();
      open(byId("shortcuts"));
    } else if (/^[a-z]$/.test(event.key)) {
      act(event);
    }
  });

  function typing(element) {
    return element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=submit], [type=button])");
  }

  function act(event) {
    const target = [...document.querySelectorAll(`[data-key="${event.key}"]`)].find((found) => found.checkVisibility());
    if (!target) return;
    event.preventDefault();
    if (target.matches("textarea, input:not([type=checkbox], [type=radio])")) target.focus();
    else target.click();
  }
})();
