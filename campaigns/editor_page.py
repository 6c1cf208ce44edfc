"""What the editor's page shows of a draft: its cards in order, its ways, what is wrong, what may be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.models import Account
from campaigns import account_checks, drawing, editing, graph_errors, outline, words
from campaigns.drawing import Drawing, DrawnNode
from campaigns.editing import Place
from campaigns.graph_errors import Problem
from campaigns.nodes import KINDS
from campaigns.templatetags.node_words import node_summary

OFFERED = (
    ("Reach out", ("send_sms", "send_email", "call")),
    ("Wait", ("wait", "wait_for_reply")),
    ("Decide", ("branch", "split")),
    ("Do", ("book_job", "handoff", "update_contact", "end")),
)
"""The kinds of steps, as the editor offers them."""
EXPLAINED = {
    "send_sms": "A text from the campaign’s number, in its hours.",
    "send_email": "An email in one of your designs.",
    "call": "A call by a person of yours, or a recorded one with written consent.",
    "wait": "For a while, until a weekday, or around a visit.",
    "wait_for_reply": "Until the customer answers, or the time is over.",
    "branch": "Different ways for different customers.",
    "split": "A share of the customers down each way.",
    "book_job": "Ask ServiceTitan for a booking and wait for the answer.",
    "handoff": "Put the conversation before a person.",
    "update_contact": "Add or remove tags, or set the language.",
    "end": "The passage ends here.",
}


@dataclass(frozen=True)
class Way:
    """A way out of a step: where it leads, or that it is open."""

    id: str  # of its element
    place: Place
    words: str
    target: DrawnNode | None = None
    condition: str = ""
    needed: bool = False


@dataclass(frozen=True)
class Card:
    """One step of the diagram."""

    node: DrawnNode
    kind: str
    icon: str
    summary: str
    text: str
    ways: list[Way]
    problems: list[Problem] = field(default_factory=list)
    number: int = 0
    cautions: list[Problem] = field(default_factory=list)

    @property
    def open(self) -> list[Way]:
        """The ways that end in the open, and want something."""
        return [way for way in self.ways if way.target is None]


@dataclass(frozen=True)
class Listed:
    """A mark of the outline with its card, or the way whose list begins."""

    what: str
    card: Card | None = None
    way: Way | None = None


@dataclass(frozen=True)
class Picture:
    """All that the diagram shows. `edges` are (from, to, id of the way's element), `opens` (from, id)."""

    listed: list[Listed]
    cards: dict[str, Card]
    edges: list[tuple[str, str, str]]
    opens: list[tuple[str, str]]
    problems: list[Problem]
    first: DrawnNode | None
    cautions: list[Problem] = field(default_factory=list)  # good to know; they keep nobody from publishing


def picture(drawn: Drawing, account: Account) -> Picture:
    """A draft of an account as the page draws it; its steps are numbered as they are listed."""
    read = drawn.graph()
    problems = graph_errors.found(read) + account_checks.problems(read, account)
    cautions = account_checks.cautions(read, account)
    marks = list(outline.marks(drawn))
    order = [mark.node for mark in marks if mark.what == "step" and mark.node]
    cards = {
        node.key: _card(
            drawn, node, [p for p in problems if p.key == node.key], number,
            [c for c in cautions if c.key == node.key],
        )
        for number, node in enumerate(order, 1)
    }  # fmt: skip
    listed = [_listed(mark, cards) for mark in marks]
    ways = [way for card in cards.values() for way in card.ways]
    edges = [(way.place.source, way.target.key, way.id) for way in ways if way.target]
    opens = [(way.place.source, way.id) for way in ways if way.target is None]
    top = [("-start", drawn.first, "way-top")] if drawn.first else []
    first = drawn.nodes[0] if drawn.nodes else None
    return Picture(listed, cards, [*top, *edges], opens, problems, first, cautions)


def _listed(mark: outline.Mark, cards: Mapping[str, Card]) -> Listed:
    card = cards[mark.node.key] if mark.node else None
    way = next((w for w in card.ways if w.place.label == mark.label), None) if card and mark.label else None
    return Listed(mark.what, card, way)


def _card(
    drawn: Drawing, node: DrawnNode, problems: list[Problem], number: int, cautions: list[Problem]
) -> Card:
    said = node.settings.get("body") or node.settings.get("reason") or ""
    return Card(
        node, words.kind(node.kind), words.kind_icon(node.kind), _summary(node), str(said)[:160],
        ways(drawn, node), problems, number, cautions,
    )  # fmt: skip


def _summary(node: DrawnNode) -> str:
    """What the step is set to; nothing where its settings cannot be read yet."""
    kind = KINDS.get(node.kind)
    if kind is None:
        return ""
    try:
        kind.settings(node.node)
    except ValueError:  # pydantic's are such
        return ""
    return node_summary(node.node)


def ways(drawn: Drawing, node: DrawnNode, *, every: bool = False) -> list[Way]:
    """The ways of a step that are drawn or want to be; `every`: all that its kind offers."""
    by_key = drawn.by_key
    shown = drawing.labels(node) if every else [*drawing.way_order(node), *editing.open_ways(node)]
    needed = drawing.needed(node)
    conditions = _conditions(node)
    return [
        Way(
            f"way-{node.key}-{place}", Place(node.key, label), words.way(node.kind, label),
            by_key.get(node.ways.get(label, "")), conditions.get(label, ""), label in needed,
        )
        for place, label in enumerate(shown)
    ]  # fmt: skip


def _conditions(node: DrawnNode) -> dict[str, str]:
    rows = node.settings.get("conditions") if node.kind == "branch" else None
    found = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return {str(row.get("label")): words.condition(dict(row)) for row in found}


def place_words(drawn: Drawing, at: Place) -> str:
    """Where a place is: “After “First text”, then”."""
    if not at.source:
        return "At the very beginning"
    node = drawn.by_key[at.source]
    way = words.way(node.kind, at.label)
    target = drawn.by_key.get(node.ways.get(at.label, ""))
    then = f", before “{target.name}”" if target else ", where it ends"
    return f"After “{node.name}”{'' if at.label == 'next' else f' ({way})'}{then}"


def offered(*, ending: bool) -> list[tuple[str, list[dict[str, str]]]]:
    """The kinds that can be put in, by group; an end only where a way is open."""
    others = tuple(kind for kind in KINDS if not any(kind in kinds for _, kinds in OFFERED))
    return [
        (name, [_offer(kind) for kind in kinds if kind in KINDS and (kind != "end" or ending)])
        for name, kinds in (*OFFERED, *([("More", others)] if others else []))
    ]


def _offer(kind: str) -> dict[str, str]:
    said = {"name": words.kind(kind), "icon": words.kind_icon(kind), "text": EXPLAINED.get(kind, "")}
    return {"kind": kind, **said}
