// Requests, questions and toasts. Loaded in <head>, after htmx and its extensions, without defer:
// htmx starts when the document is parsed, and everything that changes a request must listen by then.
"use strict";

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

  // On document: when the pressed element is gone by now, the event fires there.
  document.addEventListener("toast", (event) => {
    for (const { text, tone } of event.detail.messages) showToast(text, tone);
  });

  function showToast(text, tone) {
    const toast = document.createElement("div");
    toast.className = `toast toast--${tone || "info"}`;
    const words = document.createElement("p");
    words.textContent = text;
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
