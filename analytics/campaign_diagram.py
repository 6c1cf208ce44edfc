"""A campaign's workflow as a list of cards in order, each with its figures and its ways out.

The list is the truth and works alone; a script may draw it as a diagram. Widths are in the units of a card's
bar, so that no figure changes a card's size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.edge_counts import EDGE, Leaving
from analytics.metrics import CALL_KINDS, STATES, TOUCH_KINDS, NodeRow, Rate
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
    """A way out of a node. `words` are empty where there is only one way that matters.

    `took` is how many left by it, of all that left this node by any way.
    """

    pk: str  # of the page's element
    words: str
    target: str
    name: str
    column: str
    took: Rate

    @property
    def percent(self) -> str:
        """In whole percents, as there is room for on an edge: `62%`, `<1%`, or a dash."""
        if self.took.value is None:
            return "—"
        return "<1%" if 0 < self.took.value < 0.005 else f"{100 * self.took.value:.0f}%"


@dataclass(frozen=True)
class Card:
    """One node of the diagram. `small` ones are passed in an instant: one line is enough."""

    row: NodeRow
    kind: str
    icon: str
    small: bool
    touches: bool
    calls: bool
    states: list[tuple[str, str, int]]  # name, words, how many
    bar: list[Segment]
    ways: list[Way]
    ended: int  # passages that ended here instead of leaving by a way

    @property
    def edges(self) -> list[tuple[str, str, str]]:
        """For the drawing: from, to, the element of the way. No figure changes it."""
        return [(self.row.key, way.target, way.pk) for way in self.ways]


def cards(campaign: Campaign, nodes: Sequence[NodeRow], left: Mapping[str, Leaving]) -> list[Card]:
    """A card per node of the campaign's present version, in workflow order."""
    drawn = graph.load(campaign.version_id)
    rows = {row.key: row for row in nodes if row.present}
    found = []
    for node in drawn.nodes.values():
        if row := rows.get(node.key):
            found.append(_card(row, _ways(drawn, node, left[node.key]), left[node.key].ended))
    return found


def _ways(drawn: graph.Graph, node: graph.GraphNode, left: Leaving) -> list[Way]:
    return [
        Way(
            pk=f"way-{node.key}-{position}",
            words="" if label == graph.NEXT else words.way(node.kind, label),
            target=drawn.nodes[target].key,
            name=drawn.nodes[target].name,
            column=f"{EDGE}{label}",
            took=Rate(left.by_edge[label], left.whole),
        )
        for position, (label, target) in enumerate(node.edges.items())
    ]


def _card(row: NodeRow, ways: list[Way], ended: int) -> Card:
    return Card(
        row=row,
        kind=words.kind(row.kind),
        icon=words.KIND_ICONS.get(Node.Kind(row.kind), "circle"),
        small=row.kind in (Node.Kind.BRANCH, Node.Kind.END),
        touches=row.kind in TOUCH_KINDS,
        calls=row.kind in CALL_KINDS,
        states=[(state, words.sentence(state), getattr(row, state)) for state in STATES],
        bar=bar([(state, getattr(row, state)) for state in STATES]),
        ways=ways,
        ended=ended if ways else 0,  # at an end everybody does
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
