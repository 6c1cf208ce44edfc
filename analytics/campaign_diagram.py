"""A campaign's workflow as a list of cards in order, each with its figures and its ways out.

The list is the truth and works alone; a script may draw it as a diagram. Widths are in the units of a card's
bar, so that no figure changes a card's size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.metrics import STATES, TOUCH_KINDS, NodeRow
from campaigns import graph, words
from campaigns.models import Campaign, Node

BAR = 200
THINNEST = 3


@dataclass(frozen=True)
class Segment:
    """One state's part of a bar."""

    state: str
    x: int
    width: int


@dataclass(frozen=True)
class Way:
    """A way out of a node. `words` are empty where there is only one way that matters."""

    words: str
    target: str
    name: str


@dataclass(frozen=True)
class Card:
    """One node of the diagram. `small` ones are passed in an instant: one line is enough."""

    row: NodeRow
    kind: str
    icon: str
    small: bool
    touches: bool
    states: list[tuple[str, str, int]]  # name, words, how many
    bar: list[Segment]
    ways: list[Way]

    @property
    def edges(self) -> list[tuple[str, str, str]]:
        """For the drawing: from, to, words."""
        return [(self.row.key, way.target, way.words) for way in self.ways]


def cards(campaign: Campaign, nodes: Sequence[NodeRow]) -> list[Card]:
    """A card per node of the campaign's present version, in workflow order."""
    drawn = graph.load(campaign.version_id)
    rows = {row.key: row for row in nodes if row.present}
    found = []
    for node in drawn.nodes.values():
        if row := rows.get(node.key):
            ways = [
                Way(
                    "" if label == graph.NEXT else words.edge(label),
                    drawn.nodes[target].key,
                    drawn.nodes[target].name,
                )
                for label, target in node.edges.items()
            ]
            found.append(_card(row, ways))
    return found


def _card(row: NodeRow, ways: list[Way]) -> Card:
    return Card(
        row=row,
        kind=words.kind(row.kind),
        icon=words.KIND_ICONS.get(Node.Kind(row.kind), "circle"),
        small=row.kind in (Node.Kind.BRANCH, Node.Kind.END),
        touches=row.kind in TOUCH_KINDS,
        states=[(state, words.sentence(state), getattr(row, state)) for state in STATES],
        bar=bar([(state, getattr(row, state)) for state in STATES]),
        ways=ways,
    )


def bar(parts: Sequence[tuple[str, int]]) -> list[Segment]:
    """The parts side by side over the bar's whole width; a part of one is still seen."""
    whole = sum(n for _, n in parts)
    shown = [(state, n) for state, n in parts if n]
    room = BAR - THINNEST * len(shown)
    segments, x = [], 0
    for position, (state, n) in enumerate(shown, start=1):
        width = BAR - x if position == len(shown) else THINNEST + room * n // whole
        segments.append(Segment(state, x, width))
        x += width
    return segments
