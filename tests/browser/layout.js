// What the layout tests ask a page: an object of functions, evaluated in the page by `test_layout.py`.
({
  // What reaches beyond a screen of this width.
  wider(width) {
    const root = document.documentElement;
    if (root.scrollWidth <= width) return [];
    const right = (element) => element.getBoundingClientRect().right;
    return [...document.querySelectorAll("body *")].filter((element) => right(element) > width + 1).slice(0, 4)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className} to ${right(element)}`)
      .concat(`the page is ${root.scrollWidth} wide`);
  },

  // Buttons and links of the bottom bar that are smaller than this in either direction.
  small(least) {
    return [...document.querySelectorAll("main .button, main [type=submit], .bottom-bar a, .bottom-bar summary")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(".visually-hidden"))
      .map((element) => [element, element.getBoundingClientRect()])
      .filter(([, box]) => box.width && (box.height < least - 0.5 || box.width < least - 0.5))
      .map(([element, box]) => `${element.className} “${element.textContent.trim().slice(0, 30)}” `
        + `${Math.round(box.width)}×${Math.round(box.height)}`);
  },

  // Number the page's actions; their words.
  actions() {
    return [...document.querySelectorAll("main .button, main [type=submit]")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled)
      .map((element, number) => {
        element.dataset.action = number;
        return element.textContent.trim();
      });
  },

  // Where the focus is, whether that shows, and whether a bar covers it; null outside the page.
  focus() {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const over = document.elementFromPoint(box.left + Math.min(box.width, innerWidth) / 2, box.top + box.height / 2);
    const bar = over?.closest("header, nav, footer");
    return {
      what: `${element.tagName.toLowerCase()}.${element.className} `
        + `“${(element.textContent || element.name || "").trim().slice(0, 30)}”`,
      action: element.dataset.action ?? null,
      skip: element.classList.contains("skip-link"),
      ring: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none"
        || element.type === "date", // of which the browser marks the part
      covered: Boolean(bar) && !bar.contains(element) && box.height < innerHeight / 2,
    };
  },
})
