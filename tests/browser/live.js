// What the live tests do in a page: an object of functions, evaluated in the page by `asking.py`.
({
  // Type into everything that takes words, open what opens, scroll what scrolls, and stand in the middle of a word.
  occupy(words) {
    const shown = (element) => element.checkVisibility({ visibilityProperty: true });
    const boxes = [...document.querySelectorAll("main textarea, main input[type=search]")].filter(shown);
    const things = { typed: [], open: [], scrolled: [], focus: null };
    for (const box of boxes) {
      box.value = words;
      things.typed.push(box);
    }
    for (const details of document.querySelectorAll("main details:not(.menu)")) {
      if (!shown(details)) continue;
      details.open = true;
      things.open.push(details);
    }
    for (const element of document.querySelectorAll("main *")) {
      const style = getComputedStyle(element);
      const scrolls = /auto|scroll/.test(style.overflowY) && element.scrollHeight > element.clientHeight + 60;
      if (!scrolls || !shown(element) || element.matches("textarea")) continue;
      element.scrollTop = 30;
      things.scrolled.push([element, element.scrollTop]);
    }
    scrollTo(0, 60);
    things.page = scrollY;
    const links = [...document.querySelectorAll("main [data-live] a, main [data-live] button")].filter(shown);
    things.focus = boxes[0] ?? links.at(-1);
    things.focus.focus({ preventScroll: true });
    if (boxes[0]) boxes[0].setSelectionRange(3, 5);
    window.occupied = things;
    return [boxes.length, things.open.length, things.scrolled.length];
  },

  // What is no longer as it was left.
  lost(words) {
    const { typed, open, scrolled, focus, page } = window.occupied;
    const name = (element) => `${element.tagName.toLowerCase()}#${element.id}.${element.className}`;
    const found = [];
    for (const box of typed) if (!box.isConnected || box.value !== words) found.push(`words in ${name(box)}`);
    for (const details of open) if (!details.isConnected || !details.open) found.push(`open ${name(details)}`);
    for (const [element, top] of scrolled) {
      if (!element.isConnected || element.scrollTop !== top) {
        found.push(`scroll of ${name(element)}: ${top} is ${element.scrollTop}`);
      }
    }
    if (scrollY !== page) found.push(`scroll of the page: ${page} is ${scrollY}`);
    if (document.activeElement !== focus) found.push(`focus on ${name(focus)} is on ${name(document.activeElement)}`);
    if (typed[0] && (typed[0].selectionStart !== 3 || typed[0].selectionEnd !== 5)) found.push("selection");
    return found;
  },

  // Begin to note every movement of what is on the screen that no key or pointer caused.
  watchShifts() {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.hadRecentInput) {
          window.shifts.push([entry.value, entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120) ?? "")]);
        }
      }
    }).observe({ type: "layout-shift", buffered: true });
  },

  shifted() {
    return window.shifts;
  },
})
