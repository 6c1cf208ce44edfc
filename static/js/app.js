// What every page does, in three parts: requests with their questions and toasts; live regions; the shell.
// Loaded in <head>, after htmx and its extensions, without defer: htmx starts when the document is parsed,
// and everything that changes a request must listen by then.
"use strict";

// Requests, questions and toasts.
(() => {
  const SAFE = /^(GET|HEAD|OPTIONS)$/i;
  const TOAST_SECONDS = 8;

  const csrfToken = () =>
    document.cookie.split("; ").map((pair) => pair.split("="))
      .find(([name]) => name === "csrftoken" || name === "__Host-csrftoken")?.[1];

  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    // Read each time: signing in elsewhere in this browser changes the token.
    if (!SAFE.test(request.method) && csrfToken()) request.headers["X-CSRFToken"] = csrfToken();
  });

  // A form's own token may be older than the cookie, and Django looks at the form first.
  document.addEventListener("submit", (event) => {
    const field = event.target.elements?.namedItem("csrfmiddlewaretoken");
    if (field && csrfToken()) field.value = csrfToken();
  }, { capture: true });

  // hx-confirm="Stop the campaign?" data-confirm-yes="Stop campaign" data-confirm-tone="danger"
  document.addEventListener("htmx:confirm", (event) => {
    const { ctx, issueRequest, dropRequest } = event.detail;
    const dialog = document.getElementById("confirm");
    if (!ctx.confirm || !dialog) return;
    event.preventDefault();
    if (dialog.open) {
      dropRequest(); // an unanswered question would block this element's queue for ever
      return;
    }
    const yes = dialog.querySelector("button[value=yes]");
    const { confirmYes, confirmTone } = ctx.sourceElement.dataset;
    dialog.querySelector("[data-confirm-text]").textContent = ctx.confirm;
    yes.textContent = confirmYes || "Yes";
    yes.className = confirmTone === "danger" ? "button button--danger" : "button button--primary";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "yes") issueRequest();
      else dropRequest();
    }, { once: true });
    dialog.showModal();
  });

  // Whoever pressed something is told when it came to nothing, also where its answer is put nowhere.
  const PRESSED = new Set(["click", "submit"]);
  const UNHEARD = "Nobody answered: your connection or our server is down. It may have been done or not: look before you press it again.";
  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    const leaves = ctx.response.status === 401; // for the sign-in page
    if (leaves || ctx.swap !== "none" || ctx.hx?.trigger?.includes("toast") || !PRESSED.has(ctx.sourceEvent?.type)) return;
    const said = new DOMParser().parseFromString(ctx.text || "", "text/html").querySelector("[role=alert]");
    const words = [...(said?.querySelectorAll("strong, p") || [])].map((one) => one.textContent.trim().replace(/\s+/g, " "));
    showToast({ text: words.join(". ").replace(/\.\.? /g, ". ") || "Nothing was changed. Reload the page, then try again.", tone: "error" });
  });
  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (ctx && !ctx.response && PRESSED.has(ctx.sourceEvent?.type)) showToast({ text: UNHEARD, tone: "error" });
  });

  // On document: when the pressed element is gone by now, the event fires there.
  document.addEventListener("toast", (event) => {
    for (const message of event.detail.messages) showToast(message);
  });

  function showToast({ text, tone, url, words: label }) {
    const toast = document.createElement("div");
    toast.className = `toast toast--${tone || "info"}`;
    const words = document.createElement("p");
    words.textContent = text;
    if (url) {
      const link = document.createElement("a");
      link.href = url;
      link.textContent = label;
      words.append(" ", link);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button button--quiet button--small";
    close.textContent = "Dismiss";
    close.addEventListener("click", () => toast.remove());
    toast.append(words, close);
    // A modal dialog covers everything that is not in the top layer, and makes it deaf.
    const toasts = document.getElementById("toasts");
    (document.querySelector("dialog:modal") || document.body).append(toasts);
    toasts.append(toast);
    // An error stays until somebody has read it.
    if (tone !== "error" && tone !== "warning") setTimeout(() => toast.remove(), TOAST_SECONDS * 1000);
  }
})();

// Live regions: the one place that decides when they ask. Each carries its own pace ({% live every=2 %});
// here: never in a hidden tab nor while paused, more rarely while nobody is there, at once on return.
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
    // Neither keeps the session alive; but only the timer may be told what was so within the last second:
    // after an act, its own answer must show it.
    request.headers["X-Poll"] = sourceEvent.type === "every" ? "1" : "now";
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

// Menus, dialogs and keys of the page shell.
(() => {
  const OFF = "truckroll.shortcuts"; // "off": somebody dictates, or types keys by accident (WCAG 2.1.4)
  const PLACES = { d: "/", c: "/campaigns/", i: "/conversations/", l: "/calls/" };
  const CHORD_SECONDS = 1.5;
  let chord = 0;

  const byId = (id) => document.getElementById(id);
  const keysOff = () => localStorage.getItem(OFF) === "off";

  // Menus close on a click elsewhere, on a choice, and on Escape.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      const chosen = menu.contains(event.target) && event.target.closest(".menu__list :is(a, button)");
      if (menu.contains(event.target) && !chosen) continue;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus(); // a dialog gives it back there
      menu.open = false;
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
    dialog.querySelector("[autofocus], [data-focus]")?.focus();
  }

  // A form whose shape changed says where its writer goes on, once; one that came with the page says nothing.
  document.addEventListener("DOMContentLoaded", () => {
    for (const one of document.querySelectorAll("[data-focus-next]")) one.removeAttribute("data-focus-next");
  });
  document.addEventListener("htmx:after:swap", () => {
    const next = document.querySelector("[data-focus-next]");
    next?.removeAttribute("data-focus-next");
    next?.focus();
  });

  // A closed list of things to tick says what is ticked in it, as the server does.
  document.addEventListener("change", (event) => {
    const words = event.target.closest(".rule-choices")?.querySelector("[data-chosen-words]");
    if (!words) return;
    const ticked = [...event.target.closest(".rule-choices").querySelectorAll(":checked + span")].map((one) => one.textContent.trim());
    words.textContent = ticked.length > 3 ? `${ticked.slice(0, 2).join(", ")} and ${ticked.length - 2} more`
      : ticked.join(", ") || words.dataset.chosenWords;
  });

  // Whatever lands in #modal-body opens the modal; its root may say how large and how it is called.
  document.addEventListener("htmx:after:swap", () => {
    const modal = byId("modal");
    const root = byId("modal-body")?.firstElementChild;
    if (!modal || !root) return;
    modal.classList.toggle("dialog--large", root.dataset.modalSize === "large");
    const title = root.querySelector("h1, h2");
    if (title) modal.setAttribute("aria-label", title.textContent.trim());
    if (!modal.open) open(modal);
    // One question followed by another: the focus went with what was there.
    else if (!modal.contains(document.activeElement) || document.activeElement === modal)
      root.querySelector("[autofocus], input:not([type=hidden]), select, textarea, button")?.focus();
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
    } else if (/^[a-z0-9]$/.test(event.key)) {
      act(event);
    }
  });

  // data-copy="text": a click puts the text into the clipboard.
  document.addEventListener("click", async (event) => {
    const copied = event.target.closest("[data-copy]")?.dataset.copy;
    if (!copied) return;
    let said = { text: `Copied ${copied}`, tone: "info" };
    try {
      await navigator.clipboard.writeText(copied);
    } catch {
      said = { text: `Your browser does not let this page copy. Mark ${copied} and copy it by hand.`, tone: "warning" };
    }
    document.dispatchEvent(new CustomEvent("toast", { detail: { messages: [said] } }));
  });

  // Arrows lead from a search field (data-arrows="#where") into what it found (data-arrow), and back up.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const field = event.target.closest("[data-arrows]");
    const area = field ? document.querySelector(field.dataset.arrows) : event.target.closest("[data-arrow]") && list(event.target);
    if (!area) return;
    const links = [...area.querySelectorAll("[data-arrow]")];
    const next = links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
    const target = next < 0 ? document.querySelector(`[data-arrows="#${area.id}"]`) : links[next];
    if (!target || (field && event.key === "ArrowUp")) return;
    event.preventDefault();
    target.focus();
  });

  function list(link) {
    return [...document.querySelectorAll("[data-arrows]")].map((field) => document.querySelector(field.dataset.arrows)).find((area) => area?.contains(link));
  }

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

// The counter of a text: plain characters at one press, and back; spoken only when segments or letters change.
(() => {
  const of = (element) => element.closest("[data-counter]");
  const field = (counter) => document.getElementById(counter.dataset.counter);
  const before = new WeakMap();
  const told = new WeakMap();

  function write(area, text) {
    area.focus();
    area.select();
    // So that the browser's own undo knows it, too.
    if (!document.execCommand?.("insertText", false, text)) {
      area.value = text;
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  document.addEventListener("click", (event) => {
    const plain = event.target.closest?.("[data-plain]");
    const undo = event.target.closest?.("[data-unplain]");
    const counter = (plain || undo) && of(plain || undo);
    const area = counter && field(counter);
    if (!area) return;
    event.preventDefault();
    const back = counter.querySelector("[data-unplain]");
    if (plain) {
      before.set(counter, area.value);
      write(area, plain.dataset.plain);
      before.set(back, area.value);
      back.hidden = false;
    } else {
      write(area, before.get(counter) ?? area.value);
      back.hidden = true;
    }
  });

  // What somebody typed since is not thrown away.
  document.addEventListener("input", (event) => {
    const id = event.target.id;
    const counter = id ? document.querySelector(`[data-counter="${CSS.escape(id)}"]`) : null;
    const back = counter?.querySelector("[data-unplain]");
    if (back && !back.hidden && event.target.value !== before.get(back)) back.hidden = true;
  });

  function tell() {
    for (const counter of document.querySelectorAll("[data-counter]")) {
      const words = counter.querySelector("[data-told]")?.dataset.told || "";
      if ((told.get(counter) ?? "") === words) continue;
      // What was counted because it came into view is no news either.
      const news = told.has(counter) || !("atOnce" in counter.dataset);
      if (news) counter.querySelector("[data-counter-news]").textContent = words;
      told.set(counter, words);
    }
  }
  document.addEventListener("htmx:after:swap", tell);
  document.addEventListener("DOMContentLoaded", tell); // what stands there at first is told to nobody
})();

// What an answer says of fields that stay where they are, told beside them: the fields themselves say it, too.
document.addEventListener("htmx:after:swap", () => {
  for (const place of document.querySelectorAll("[data-errors]")) {
    const wrong = place.textContent.trim() !== "";
    for (const field of document.querySelectorAll(`:is(input, select, textarea)[aria-describedby~="${place.id}"]`)) {
      if (wrong) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }
});

// Files added to a message or taken out are news to a form that keeps what is typed.
(() => {
  const known = new WeakMap();
  function tell() {
    for (const form of document.querySelectorAll("form[data-keeps]:has(.media-picker)")) {
      const ids = [...form.querySelectorAll(".media-picker [name=media]")].map((one) => one.value).join();
      const news = known.has(form) && known.get(form) !== ids;
      known.set(form, ids);
      if (news) form.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
  document.addEventListener("DOMContentLoaded", tell);
  document.addEventListener("htmx:after:swap", tell);
})();

// Seconds that are left, counted down between two looks at the server, which alone decides.
(() => {
  const seen = new WeakMap();
  setInterval(() => {
    for (const place of document.querySelectorAll("[data-seconds]")) {
      const said = place.dataset.seconds;
      if (seen.get(place)?.said !== said) seen.set(place, { said, at: performance.now() });
      const left = Math.max(0, Math.ceil(said - (performance.now() - seen.get(place).at) / 1000));
      if (place.textContent !== String(left)) place.textContent = left;
    }
  }, 500);

  // The picker of merge fields is fetched when somebody first goes for it; where they were in the words stays.
  document.addEventListener("focusin", ({ target }) => { if (target.matches?.("textarea")) target.dataset.visited = ""; });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fields-script]");
    if (!button || document.getElementById("fields-script")) return;
    const script = Object.assign(document.createElement("script"), { id: "fields-script", src: button.dataset.fieldsScript });
    script.addEventListener("load", () => button.click());
    script.addEventListener("error", () => script.remove()); // the next press tries again
    document.head.append(script);
  });
})();
