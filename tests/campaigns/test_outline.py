"""The list that a diagram is drawn from: every step once, the way of most people first."""

import pytest
from hypothesis import given, settings

from campaigns import drawing, outline, starters
from campaigns.drawing import Drawing, DrawnNode
from campaigns.starters import STARTERS
from tests.campaigns.test_editing import EDITS, three, tried

LISTED = {
    "tune-up-season": [
        "first_text", "first_wait", "who", "second_text", "member_text", "second_wait", "booking",
        "booked_text", "not_booked_text", "done",
    ],
    "estimate-follow-up": [
        "first_text", "first_wait", "who", "second_text", "second_wait", "call", "booking", "not_booked_text",
        "booked_text", "done",
    ],
    "membership-renewal": [
        "first_text", "first_wait", "who", "second_text", "second_wait", "call", "last_email", "booking",
        "not_booked_text", "booked_text", "booked_email", "done",
    ],
}  # fmt: skip


def drawn(slug: str) -> Drawing:
    starter = STARTERS[slug]
    ways: dict[str, dict[str, str]] = {}
    for source, label, target in starters.edges(starter):
        ways.setdefault(source, {})[label] = target
    nodes = [DrawnNode(key, kind, name, chosen, ways.get(key, {}))
             for key, kind, name, chosen in starters.nodes(starter)]  # fmt: skip
    return drawing.of(nodes, "first_text")


def listed(drawn: Drawing) -> list[str]:
    return [mark.node.key for mark in outline.marks(drawn) if mark.what == "step" and mark.node]


@pytest.mark.parametrize("slug", STARTERS)
def test_the_way_of_most_people_comes_first(slug: str) -> None:
    assert listed(drawn(slug)) == LISTED[slug]


@settings(max_examples=60, deadline=None)
@given(EDITS)
def test_every_step_is_in_it_once(edits: list[tuple[str, int, int, str]]) -> None:
    made = tried(three(), edits)
    assert sorted(listed(made)) == sorted(node.key for node in made.nodes)
