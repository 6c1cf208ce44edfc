({
  // What is wrong with the places of these cards and ways, in words; nothing where all is well.
  wrong({ cards, ways, hangs = 0 }) {
    const drawn = arrange(cards, ways, hangs), told = [];
    const box = ({ x, width, height }, top) => ({ left: x - width / 2, right: x + width / 2, top, bottom: top + height });
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const all = new Map(cards.map(({ key }) => [key, box(drawn.cards.get(key), drawn.cards.get(key).y)]));
    const words = new Map(ways.map(({ id, width, height }) => {
      const { x, y } = drawn.ways.get(id);
      return [id, box({ x, width, height }, y - height / 2)];
    }));
    const whole = { left: 0, top: 0, right: drawn.width, bottom: drawn.height };
    const inside = (one) => one.left >= 0 && one.top >= 0 && one.right <= whole.right && one.bottom <= whole.bottom;
    for (const [key, one] of all) {
      if (!inside(one)) told.push(`${key} stands outside`);
      for (const [other, two] of all) if (key < other && meet(one, two)) told.push(`${key} lies on ${other}`);
    }
    for (const [id, one] of words) {
      for (const [key, card] of all) if (meet(one, card)) told.push(`the words of ${id} lie on ${key}`);
      for (const [other, two] of words) if (id < other && meet(one, two)) told.push(`the words of ${id} lie on those of ${other}`);
    }
    const runs = [];
    for (const { id, from, to } of ways) {
      const { points } = drawn.ways.get(id), start = all.get(from), end = all.get(to);
      const [x, y] = points[0], [lastX, lastY] = points.at(-1);
      if (y !== start.bottom || x <= start.left || x >= start.right) told.push(`${id} does not begin at ${from}`);
      if (end && (lastY !== end.top || lastX <= end.left || lastX >= end.right)) told.push(`${id} does not end at ${to}`);
      for (let n = 1; n < points.length; n += 1) {
        const [[ax, ay], [bx, by]] = points.slice(n - 1, n + 1);
        const run = { id, from, to, left: Math.min(ax, bx), right: Math.max(ax, bx), top: Math.min(ay, by), bottom: Math.max(ay, by) };
        if (ax !== bx && ay !== by) told.push(`${id} runs aslant`);
        if (!inside(run)) told.push(`${id} runs outside`);
        for (const [key, card] of all) if (meet(run, card)) told.push(`${id} runs through ${key}`);
        for (const [other, one] of words) if (id !== other && meet(run, one)) told.push(`${id} runs through the words of ${other}`);
        runs.push(run);
      }
    }
    // What hangs below a card, right of the line that leaves it, lies on nothing.
    for (const [key, card] of hangs ? all : []) {
      const hung = { left: drawn.cards.get(key).x + 1, right: card.right, top: card.bottom, bottom: card.bottom + hangs + 5 };
      for (const run of runs) if (meet(hung, run)) told.push(`${run.id} runs through what hangs below ${key}`);
      for (const [id, one] of words) if (meet(hung, one)) told.push(`the words of ${id} lie on what hangs below ${key}`);
    }
    // Lines may cross, and join where they come from or lead to one card; else none runs along another.
    const along = (a, b) => (a.top === a.bottom && b.top === b.bottom && a.top === b.top && a.left < b.right && b.left < a.right)
      || (a.left === a.right && b.left === b.right && a.left === b.left && a.top < b.bottom && b.top < a.bottom);
    for (const a of runs) for (const b of runs) {
      if (a.id < b.id && a.from !== b.from && a.to !== b.to && along(a, b)) told.push(`${a.id} lies on ${b.id}`);
    }
    const again = arrange(cards, ways, hangs), plain = (one) => JSON.stringify([one.width, one.height, [...one.cards], [...one.ways]]);
    if (plain(again) !== plain(drawn)) told.push("placed in two ways");
    return told;
  },
})
