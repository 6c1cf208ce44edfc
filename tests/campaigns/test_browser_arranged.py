"""Where a diagram's cards and lines are placed: whatever is drawn, nothing lies on anything else."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as tried_as
from hypothesis import strategies as st
from playwright.sync_api import Page

from campaigns import editing
from campaigns.drawing import Drawing
from tests.browser.asking import questions
from tests.campaigns.test_editing import EDITS, SLOW, three, tried

arranged = questions(Path(__file__).with_name("arranged.js"))
CARDS = st.lists(st.sampled_from([(248, 61), (248, 98), (140, 30), (296, 127)]), min_size=1, max_size=9)
WORDS = st.lists(st.sampled_from([(40, 24), (17, 1), (77, 41), (144, 42)]), min_size=1, max_size=9)
Sizes = list[tuple[int, int]]
Edits = list[tuple[str, int, int, str]]


def measured(drawn: Drawing, cards: Sizes, words: Sizes) -> dict[str, Any]:
    """The drawing as the page gives it to be placed: with what everybody begins at, and open ways."""
    ways = [("-start", drawn.first, "top")] if drawn.first else []
    for node in drawn.nodes:
        ways += [(node.key, target, f"{node.key} {label}") for label, target in node.ways.items()]
        ways += [(node.key, "", f"{node.key} {label} open") for label in editing.open_ways(node)]
    keys = ["-start", *(node.key for node in drawn.nodes)]
    return {
        "cards": [_sized({"key": key}, n, cards) for n, key in enumerate(keys)],
        "ways": [_sized({"from": a, "to": b, "id": each}, n, words) for n, (a, b, each) in enumerate(ways)],
    }


def _sized(one: dict[str, Any], n: int, sizes: Sizes) -> dict[str, Any]:
    width, height = sizes[n % len(sizes)]
    return one | {"width": width, "height": height}


@pytest.fixture
def blank(page: Page) -> Page:
    """An empty page that knows how to place."""
    page.goto("about:blank")
    page.add_script_tag(path=Path(settings.BASE_DIR) / "static" / "js" / "arrange.js")
    return page


@tried_as(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(st.lists(EDITS, min_size=1, max_size=4), CARDS, WORDS)
def test_whatever_is_drawn_nothing_lies_on_anything(
    blank: Page, edits: list[Edits], cards: Sizes, words: Sizes
) -> None:
    drawn = three()
    for some in edits:
        drawn = tried(drawn, some)
    found = measured(drawn, cards, words)
    assert arranged(blank, "wrong", found) == []
    assert arranged(blank, "wrong", found | {"hangs": 12}) == []


def places(*ways: tuple[str, str]) -> dict[str, Any]:
    """Cards that are led to or from in the order in which they are named, and these ways; "" is the open."""
    keys = dict.fromkeys(key for way in ways for key in way if key)
    return {
        "cards": [{"key": key, "width": 248, "height": 80} for key in keys],
        "ways": [
            {"id": f"way {n}", "from": source, "to": target, "width": 60, "height": 40}
            for n, (source, target) in enumerate(ways)
        ],
    }


def test_ways_that_cross_do_not_run_along_each_other(blank: Page) -> None:
    both = [("first", "left"), ("first", "right")]
    crossing = places(*both, ("left", "one"), ("left", "two"), ("right", "one"), ("right", "two"))
    assert arranged(blank, "wrong", crossing) == []


def test_what_long_ways_pass_stays_together(blank: Page) -> None:
    """Ten branches one below the other, each with two texts that lead to the end where they reach nobody."""
    ways = [("start", "branch 0"), ("start", "end")]
    for n in range(10):
        for side in ("left", "right"):
            ways += [(f"branch {n}", f"{side} {n}"), (f"{side} {n}", f"wait {n}"), (f"{side} {n}", "end")]
        ways += [(f"wait {n}", f"branch {n + 1}" if n < 9 else "end"), (f"wait {n}", "end")]
    ladder = places(*ways)
    assert arranged(blank, "wrong", ladder) == []
    cards = blank.evaluate("({ cards, ways }) => [...arrange(cards, ways).cards]", ladder)
    at = {key: card["x"] for key, card in cards}
    apart = [at[f"right {n}"] - at[f"left {n}"] for n in range(10)]
    assert max(apart) <= 2 * 248, f"the two texts of a branch stand beside each other: {apart}"


@tried_as(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=3), min_size=8, max_size=25))
def test_long_ways_lie_on_nothing(blank: Page, steps: list[list[int]]) -> None:
    """Each step leads to the next, and as many further on as it says: past many, some of them."""
    last = len(steps)
    ways = [(f"{n}", f"{n + 1}") for n in range(last)]
    ways += [(f"{n}", f"{min(last, n + far)}") for n, step in enumerate(steps) for far in step]
    assert arranged(blank, "wrong", places(*ways)) == []


def test_rounds_and_what_nothing_leads_to_have_their_places(blank: Page) -> None:
    rounds = places(("first", ""), ("there", "back"), ("back", "there"), ("lost", "lost"), ("lost", "back"))
    assert arranged(blank, "wrong", rounds) == []
    assert arranged(blank, "wrong", places(("only", ""))) == []
    assert arranged(blank, "wrong", places()) == []
