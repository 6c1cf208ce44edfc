// What the layout tests ask a page: an object of functions, evaluated in the page by `asking.py`.
({
  // What reaches beyond a screen of this width.
  wider(width) {
    const root = document.documentElement;
    if (root.scrollWidth <= width) return [];
    const right = (element) => element.getBoundingClientRect().right;
    const scrolls = (element) => getComputedStyle(element).overflowX !== "visible";
    const kept = (element) => {
      for (let above = element.parentElement; above; above = above.parentElement) if (scrolls(above)) return true;
      return false;
    };
    return [...document.querySelectorAll("body *")]
      .filter((element) => right(element) > width + 1 && !kept(element)).slice(0, 4)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className} to ${right(element)}`)
      .concat(`the page is ${root.scrollWidth} wide`);
  },

  // What reaches beyond the box of this, which hides or scrolls it sideways.
  beside(selector) {
    const box = document.querySelector(selector);
    if (!box) return [];
    const { left, right } = box.getBoundingClientRect();
    const scrolls = (element) => {
      for (let above = element.parentElement; above && above !== box; above = above.parentElement)
        if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(above).overflowX)) return true;
      return false;
    };
    return [...box.querySelectorAll("*")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !scrolls(element))
      .map((element) => [element, element.getBoundingClientRect()])
      .filter(([, { width, left: from, right: to }]) => width && (from < left - 1 || to > right + 1)).slice(0, 4)
      .map(([element, { right: to }]) => `${element.tagName.toLowerCase()}.${element.className} to ${Math.round(to)} of ${Math.round(right)}`);
  },

  // Buttons and links of the bottom bar that are smaller than this in either direction.
  small(least) {
    return [...document.querySelectorAll("main .button, main [type=submit], dialog[open] .button, .bottom-bar a, .bottom-bar summary")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(".visually-hidden"))
      .map((element) => [element, element.getBoundingClientRect()])
      .filter(([, box]) => box.width && (box.height < least - 0.5 || box.width < least - 0.5))
      .map(([element, box]) => `${element.className} “${element.textContent.trim().slice(0, 30)}” `
        + `${Math.round(box.width)}×${Math.round(box.height)}`);
  },

  // What a screen reader is told first of all.
  outline() {
    return {
      headings: String(document.querySelectorAll("h1").length),
      heading: document.querySelector("h1")?.innerText.trim() ?? "",
      mains: String(document.querySelectorAll("main").length),
      title: document.title.trim(),
      language: document.documentElement.lang,
    };
  },

  // The next press of Tab begins at the top of the page.
  top() {
    const start = document.createElement("span");
    start.tabIndex = -1;
    document.body.prepend(start);
    start.focus();
    start.remove();
  },

  // Number the page's actions; their words.
  actions() {
    for (const element of document.querySelectorAll("[data-action]")) delete element.dataset.action;
    return [...document.querySelectorAll("main .button, main [type=submit]")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled && element.tabIndex >= 0)
      .map((element, number) => {
        element.dataset.action = number;
        return element.textContent.trim();
      });
  },

  // Where the focus is, whether that shows, and whether a bar covers it; null outside the page.
  focus() {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const box = element.getBoundingClientRect();
    const over = document.elementFromPoint(box.left + Math.min(box.width, innerWidth) / 2, box.top + box.height / 2);
    const bar = over?.closest("header, nav, footer");
    const outlined = (at, part) => {
      const style = getComputedStyle(at, part);
      return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    };
    // On the element itself, on a ground it spreads over its card, or on what it is the heart of.
    const ringed = (at) => [null, "::before", "::after"].some((part) => outlined(at, part))
      || [at.parentElement, at.parentElement?.parentElement, at.closest("fieldset, li")].some((up) => up && outlined(up));
    return {
      what: `${element.tagName.toLowerCase()}.${element.className} `
        + `“${(element.textContent || element.name || "").trim().slice(0, 30)}”`,
      action: element.dataset.action ?? null,
      skip: element.classList.contains("skip-link"),
      ring: ringed(element) || ["date", "datetime-local", "time"].includes(element.type), // of which the browser marks the part
      covered: Boolean(bar) && !bar.contains(element) && box.height < innerHeight / 2,
    };
  },
})
