// Where the cards of a workflow stand and its ways run. Knows nothing of the page: sizes in, places out, the same
// for the same. Each pass looks at every card and way a few times, so that nothing has to be warm to be quick.
//
// Cards stand in ranks, each below all that lead to it. Between ranks are lanes, where the words of ways and lines
// across have their room. What alone leads to a card holds it and all behind it as one block; where ways meet, the
// card stands below the last step that everybody passes before it, and ways that are not next to it come down in a
// column of their own: long ones beside the whole block, so that they do not push apart what they pass. Blocks and
// columns stand side by side as near as they may, so that no line meets a card.
// The idea: docs/adr/0020-diagrams-are-placed-by-rules-of-our-own.md.
"use strict";

window.arrange = (() => {
  const MARGIN = 16, APART = 16, BESIDE = 4; // between columns; more beside a card
  const AWAY = 10, AROUND = 8, TRACK = 10, ARROW = 20, ROUND = 8; // in a lane: to lines across, words, further lines, cards
  const LONG = 4; // ranks: a way that leads further goes around what it passes
  const ABOVE = 1; // rows begin with the lane above the first rank: one below zero

  // A piece takes up room in some rows: rank n's cards are row 2n, the lane below them row 2n + 1.
  const piece = () => ({ at: 0, up: null, first: Infinity, last: -1, left: [], right: [] });
  const takes = (one, n) => one.left[n] !== undefined;

  function widen(one, row, from, to) {
    const n = row + ABOVE;
    if (!takes(one, n) || from < one.left[n]) one.left[n] = from;
    if (one.right[n] === undefined || to > one.right[n]) one.right[n] = to;
    if (n < one.first) one.first = n;
    if (n > one.last) one.last = n;
  }

  function absorb(one, other) {
    other.up = one;
    for (let n = other.first; n <= other.last; n += 1) {
      if (takes(other, n)) widen(one, n - ABOVE, other.left[n] + other.at, other.right[n] + other.at);
    }
  }

  // Where a piece stands within another that has absorbed it, or would.
  function within(one, whole) {
    let x = 0;
    for (let each = one; each && each !== whole; each = each.up) x += each.at;
    return x;
  }

  // Side by side from the left, each as near to those before it as it may, and no further left than it wishes.
  function pack(row) {
    const taken = [];
    for (const one of row) {
      let at = one.wish ?? -Infinity;
      for (let n = one.first; n <= one.last; n += 1) {
        if (takes(one, n) && taken[n] !== undefined) at = Math.max(at, taken[n] + APART - one.left[n]);
      }
      one.at = at === -Infinity ? 0 : at;
      for (let n = one.first; n <= one.last; n += 1) {
        if (takes(one, n) && (taken[n] === undefined || one.at + one.right[n] > taken[n])) taken[n] = one.at + one.right[n];
      }
    }
  }

  // Ways back to what somebody has come through are marked; the rest has no rounds. Gives the cards in an order
  // in which each comes before all that it leads to.
  function sorted(cards) {
    const state = new Map(), order = [];
    const visit = (card) => {
      state.set(card, "open");
      for (const way of card.out) {
        if (!way.to) continue;
        way.back = state.get(way.to) === "open";
        if (!state.has(way.to)) visit(way.to);
      }
      state.set(card, "done");
      order.push(card);
    };
    for (const card of cards) if (!state.has(card)) visit(card);
    return order.reverse();
  }

  // The last card that everybody passes before both.
  function shared(one, other) {
    while (one !== other) {
      if (one.depth >= other.depth) one = one.over;
      else other = other.over;
    }
    return one;
  }

  function rank(order, whole) {
    for (const card of order) {
      card.into = card.in.filter((way) => !way.back);
      card.rank = Math.max(-1, ...card.into.map((way) => way.from.rank)) + 1;
      card.over = card.into.length ? card.into.map((way) => way.from).reduce(shared) : whole;
      card.depth = card.over.depth + 1;
      if (card.into.length > 1) card.over.meeting.push(card);
    }
  }

  // The words of a way below its card, and what hangs on them.
  function column(way) {
    const one = piece(), { from, to } = way, row = 2 * from.rank + 1;
    widen(one, row, -way.width / 2, way.width / 2);
    way.piece = one;
    if (!to || way.back) return one;
    if (to.into.length === 1) {
      one.holds = true;
      absorb(one, to.piece);
    } else if (to.rank - from.rank > LONG) to.over.long.push(way);
    else for (let n = row + 1; n < 2 * to.rank; n += 1) widen(one, n, 0, 0);
    return one;
  }

  const middle = (all) => (Math.min(...all) + Math.max(...all)) / 2;

  // Puts a card where ways meet between the columns that go on beside it, below the ways that come from next to it.
  function join(row, card) {
    const near = card.into.filter((way) => way.from.rank === card.rank - 1);
    const wish = middle(near.map((way) => within(way.piece, null)));
    let place = 0;
    row.forEach((one, n) => {
      let beside = 0, sum = 0;
      for (let row = card.piece.first; row <= card.piece.last; row += 1) {
        if (!takes(card.piece, row) || !takes(one, row)) continue;
        beside += 1;
        sum += one.at + (one.left[row] + one.right[row]) / 2;
      }
      if (beside && sum / beside < wish) place = n + 1;
      one.wish = one.at;
    });
    card.piece.wish = wish;
    row.splice(place, 0, card.piece);
    pack(row);
  }

  function block(card, columns) {
    const one = card.piece, row = [...columns];
    pack(row);
    card.meeting.sort((a, b) => a.rank - b.rank || a.place - b.place).forEach((meets) => join(row, meets));
    const holding = columns.filter((each) => each.holds), under = holding.length ? holding : columns;
    const centre = under.length ? middle([under[0].at, under.at(-1).at]) : row[0]?.at ?? 0;
    for (const each of row) {
      each.at -= centre;
      absorb(one, each);
    }
    if (card.width) widen(one, 2 * card.rank, -card.width / 2 - BESIDE, card.width / 2 + BESIDE);
    for (const way of card.long.sort((a, b) => a.to.rank - a.from.rank - b.to.rank + b.from.rank)) pass(way, one);
    for (const way of card.rounds.sort((a, b) => a.from.rank - a.to.rank - b.from.rank + b.to.rank)) {
      const back = way.aside = piece();
      for (let n = 2 * way.to.rank - 1; n <= 2 * way.from.rank + 1; n += 1) widen(back, n, 0, 0);
      for (let n = back.first; n <= back.last; n += 1) if (takes(one, n)) back.at = Math.max(back.at, one.right[n] + APART);
      absorb(one, back);
    }
  }

  // A long way comes straight down where nothing is beside it, else on the nearer side of all that it passes.
  function pass(way, one) {
    const lane = 2 * way.from.rank + 1, last = 2 * way.to.rank - 1, x = within(way.piece, one);
    const ends = (from) => {
      let left = Infinity, right = -Infinity;
      for (let row = from; row <= last; row += 1) {
        if (!takes(one, row + ABOVE)) continue;
        left = Math.min(left, one.left[row + ABOVE]);
        right = Math.max(right, one.right[row + ABOVE]);
      }
      return [left - APART, right + APART];
    };
    const below = ends(lane + 1), beside = ends(lane), aside = way.aside = piece();
    const outer = one.left[lane + ABOVE] >= x - way.width / 2 ? x <= below[0] : one.right[lane + ABOVE] <= x + way.width / 2 && x >= below[1];
    aside.at = outer ? x : x - beside[0] < beside[1] - x ? beside[0] : beside[1];
    for (let row = outer ? lane + 1 : lane; row <= last; row += 1) widen(aside, row, 0, 0);
    absorb(one, aside);
  }

  // A line across a lane, with where it comes from above and where it leads to below; upright ones need no room.
  function across(lane, line, ups, downs) {
    const xs = [...ups, ...downs], from = Math.min(...xs) - APART / 2, to = Math.max(...xs) + APART / 2;
    if (to - from >= APART + 1) lane.across.push({ line, ups, downs, from, to });
  }

  // Those that would lie on each other lie below each other; what comes down somewhere above what goes down there.
  function settle(lane) {
    const left = [...lane.across], tracks = [];
    const under = (one, other) => one.downs.some((x) => other.ups.some((up) => Math.abs(x - up) < ROUND));
    while (left.length) {
      const free = left.findIndex((one) => !left.some((other) => other !== one && under(one, other)));
      const [one] = left.splice(Math.max(0, free), 1);
      let n = tracks.findLastIndex((track) => track.some((other) => under(one, other))) + 1;
      while (tracks[n]?.some((other) => other.from < one.to && one.from < other.to)) n += 1;
      (tracks[n] ??= []).push(one);
      lane.lines.set(one.line, n);
    }
    lane.used = tracks.length;
  }

  function lanes(cards, ways, count) {
    const all = Array.from({ length: count + 1 }, () => ({ height: 0, across: [], lines: new Map(), used: 0 }));
    for (const way of ways) {
      const lane = all[way.from.rank + 1];
      lane.height = Math.max(lane.height, 2 * Math.ceil(way.height / 2)); // so that nothing stands between two pixels
      if (way.aside) across(lane, way, way.back ? [way.x, way.side] : [way.x], way.back ? [] : [way.side]);
    }
    for (const card of cards) {
      const meeting = card.into.length > 1 ? card.into.map((way) => (way.aside ? way.side : way.x)) : [];
      const rounds = card.in.filter((way) => way.back).map((way) => way.side);
      if (meeting.length || rounds.length) across(all[card.rank], card, meeting, [card.x, ...rounds]);
    }
    all.forEach(settle);
    return all;
  }

  // From the top: a lane, then the cards of a rank, then the lane below them.
  function stack(cards, all, away) {
    const heights = [];
    for (const card of cards) heights[card.rank] = Math.max(heights[card.rank] ?? 0, card.height);
    let y = 0;
    all.forEach((lane, n) => {
      lane.top = y;
      lane.away = y + away;
      lane.words = lane.away + AROUND + lane.height / 2;
      lane.first = n ? lane.words + lane.height / 2 + AROUND : MARGIN;
      const used = lane.used ? lane.first + (lane.used - 1) * TRACK : lane.words + lane.height / 2;
      if (!n) y = lane.used ? used + ARROW : MARGIN;
      else if (n < all.length - 1 || lane.height) y = used + ARROW; // nothing need stand below the last one
      y += heights[n] ?? 0;
    });
    for (const card of cards) card.y = all[card.rank + 1].top - heights[card.rank];
    return y;
  }

  function points(way, all) {
    const { from, to, x } = way, lane = all[from.rank + 1];
    const found = [[from.x, from.y + from.height]];
    if (x !== from.x) found.push([from.x, lane.away], [x, lane.away]);
    if (!to) return [...found, [x, lane.words - way.height / 2]];
    const track = (one, line) => one.first + one.lines.get(line) * TRACK;
    const last = all[to.rank];
    let now = x;
    if (way.aside) {
      if (way.side !== x) found.push([x, track(lane, way)], [way.side, track(lane, way)]);
      now = way.side;
    }
    if (now !== to.x) found.push([now, track(last, to)], [to.x, track(last, to)]);
    return [...found, [to.x, to.y]];
  }

  // A line through these points, round at its corners.
  function line(found) {
    let path = `M${found[0].join()}`;
    for (let n = 1; n < found.length - 1; n += 1) {
      const [[ax, ay], [bx, by], [cx, cy]] = found.slice(n - 1, n + 2);
      const before = Math.hypot(bx - ax, by - ay), after = Math.hypot(cx - bx, cy - by);
      const r = Math.min(ROUND, before / 2, after / 2);
      if (!r) continue;
      const on = (from, to, far) => Math.round((from + (to - from) * far) * 10) / 10;
      path += ` L${on(bx, ax, r / before)},${on(by, ay, r / before)} Q${bx},${by} ${on(bx, cx, r / after)},${on(by, cy, r / after)}`;
    }
    return `${path} L${found.at(-1).join()}`;
  }

  // `given` are {key, width, height} as they are read, the first where everybody begins; `drawn` are
  // {id, from, to, width, height} with the size of their words, `to` empty where they end in the open; `hangs` is how
  // far below a card something of its own may reach, beside the line that leaves it. Returns the whole's size, each
  // card's and each way's words' middle, and each way's line.
  return (given, drawn, hangs = 0) => {
    const whole = { rank: -1, depth: 0, meeting: [], rounds: [], long: [], piece: piece() };
    const cards = given.map((card, place) => ({ ...card, place, out: [], in: [], meeting: [], rounds: [], long: [], piece: piece() }));
    const known = new Map(cards.map((card) => [card.key, card]));
    const ways = drawn.map((way) => ({ ...way, from: known.get(way.from), to: known.get(way.to) ?? null, back: false }));
    for (const way of ways) {
      way.from.out.push(way);
      way.to?.in.push(way);
    }
    const order = sorted(cards);
    rank(order, whole);
    for (const way of ways) if (way.back) shared(way.from, way.to).rounds.push(way);
    for (const card of order.reverse()) block(card, card.out.map(column));
    block(whole, cards.filter((card) => !card.into.length).map((card) => Object.assign(card.piece, { holds: true })));

    const taken = (side) => side.filter((x) => x !== undefined);
    const left = Math.min(0, ...taken(whole.piece.left)), right = Math.max(0, ...taken(whole.piece.right));
    const place = (one) => Math.round(within(one, whole.piece) - left + MARGIN);
    for (const card of cards) card.x = place(card.piece);
    for (const way of ways) {
      way.x = place(way.piece);
      if (way.aside) way.side = place(way.aside);
    }
    const all = lanes(cards, ways, Math.max(0, ...cards.map((card) => card.rank + 1)));
    const height = stack(cards, all, AWAY + hangs);
    return {
      width: Math.ceil(right - left) + 2 * MARGIN,
      height: Math.ceil(height) + MARGIN,
      cards: new Map(cards.map((card) => [card.key, { x: card.x, y: card.y, width: card.width, height: card.height }])),
      ways: new Map(ways.map((way) => {
        const found = points(way, all);
        return [way.id, { x: way.x, y: all[way.from.rank + 1].words, points: found, line: line(found), from: way.from.key, open: !way.to }];
      })),
    };
  };
})();
