"""Two versions of a workflow side by side: nodes and edges that came, went or changed, words word by word.

Nodes are the same where their key is; where its kind differs, too, one went and another came under its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from campaigns import message_words, words
from campaigns.graph import NEXT, Graph, GraphNode
from campaigns.messages import Piece, compared
from campaigns.move_plans import SENDS, by_key
from campaigns.templatetags.node_words import node_summary

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"


@dataclass(frozen=True)
class Said:
    """One part of a node that reads differently, word by word."""

    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Way:
    """A way out of a node: where it leads and led, by name; one is empty where the way came or went. Where it
    was led elsewhere, the line to where it led is drawn, too, at an element named `key`-was."""

    key: str  # of the page's element
    label: str
    change: str
    before: str
    after: str


@dataclass(frozen=True)
class NodeChange:
    """A node in both versions, or in one. `id` names it on the page; `node` is the later of two."""

    id: str
    node: GraphNode
    change: str
    said: tuple[Said, ...]
    ways: tuple[Way, ...]

    @property
    def kind(self) -> str:
        """Its kind in words."""
        return words.kind(self.node.kind)

    @property
    def icon(self) -> str:
        """The drawing beside it."""
        return words.kind_icon(self.node.kind)

    @property
    def moved_ways(self) -> tuple[Way, ...]:
        """Its ways that are not what they were."""
        return tuple(way for way in self.ways if way.change != SAME)


@dataclass(frozen=True)
class Comparison:
    """Everything of both versions, in the later one's order, what went where it stood."""

    nodes: tuple[NodeChange, ...]
    edges: tuple[tuple[str, str, str], ...]  # for the drawing: from, to, the element of the way

    def count(self, change: str) -> int:
        """How many nodes came, went, changed, or did not."""
        return sum(node.change == change for node in self.nodes)

    @property
    def alike(self) -> bool:
        """Whether both are the same throughout."""
        return all(node.change == SAME for node in self.nodes)

    @property
    def changes(self) -> list[NodeChange]:
        """What is not the same."""
        return [node for node in self.nodes if node.change != SAME]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many of each, for a sentence."""
        return [(change, self.count(change)) for change in (ADDED, REMOVED, CHANGED, SAME)]


def compare(before: Graph, after: Graph) -> Comparison:
    """What differs between two versions of a workflow."""
    old, new = by_key(before), by_key(after)
    kept = {key for key in old.keys() & new.keys() if old[key].kind == new[key].kind}
    nodes, edges = list[NodeChange](), list[tuple[str, str, str]]()
    for node, which in _in_order(before, after, kept):
        earlier = node if which == REMOVED else old.get(node.key) if node.key in kept else None
        later = None if which == REMOVED else node
        ways, drawn = _ways(earlier, later, before, after, kept)
        said = _said(earlier, later) if earlier and later else ()
        change = which
        if which == SAME and (said or any(way.change != SAME for way in ways)):
            change = CHANGED
        nodes.append(NodeChange(_id(node, which), node, change, said, ways))
        edges += drawn
    return Comparison(tuple(nodes), tuple(edges))


def _in_order(before: Graph, after: Graph, kept: set[str]) -> list[tuple[GraphNode, str]]:
    """Every node once: those of the later version in its order, each gone one behind what it stood behind."""
    behind: dict[str, list[tuple[GraphNode, str]]] = {}
    last = ""
    for node in before.nodes.values():
        if node.key in kept:
            last = node.key
        else:
            behind.setdefault(last, []).append((node, REMOVED))
    found = behind.get("", [])
    for node in after.nodes.values():
        found = [*found, (node, SAME if node.key in kept else ADDED)]
        if node.key in kept:
            found += behind.get(node.key, [])
    return found


def _id(node: GraphNode, which: str) -> str:
    """One key may be both: gone as one kind and new as another."""
    return f"was-{node.key}" if which == REMOVED else node.key


def _ways(
    earlier: GraphNode | None, later: GraphNode | None, before: Graph, after: Graph, kept: set[str]
) -> tuple[tuple[Way, ...], list[tuple[str, str, str]]]:
    """The ways out of a node, and the lines to draw for them."""
    was = _leads(earlier, before)
    now = _leads(later, after)
    ways, drawn = list[Way](), list[tuple[str, str, str]]()
    for label in [*now, *(label for label in was if label not in now)]:
        old, new = was.get(label), now.get(label)
        where = _id(later or earlier, SAME if later else REMOVED)  # type: ignore[arg-type]
        key = f"way-{where}-{len(ways)}"
        change = _change(old, new, kept)
        kind = (later or earlier).kind  # type: ignore[union-attr]
        ways.append(Way(key, _words(kind, label), change, old.name if old else "", new.name if new else ""))
        if new:
            drawn.append((where, new.key, key))
        if old and not (new and change == SAME):
            to = _id(old, SAME if old.key in kept else REMOVED)
            drawn.append((where, to, f"{key}-was" if new else key))
    return tuple(ways), drawn


def _leads(node: GraphNode | None, drawn: Graph) -> dict[str, GraphNode]:
    return {label: drawn.nodes[target] for label, target in node.edges.items()} if node else {}


def _change(old: GraphNode | None, new: GraphNode | None, kept: set[str]) -> str:
    if old is None or new is None:
        return ADDED if old is None else REMOVED
    return SAME if old.key == new.key and new.key in kept else CHANGED


def _words(kind: str, label: str) -> str:
    return "" if label == NEXT else words.way(kind, label)


def _said(old: GraphNode, new: GraphNode) -> tuple[Said, ...]:
    """The parts that read differently: name, words of a message, and what else a node is set to."""
    found = [("Name", old.name, new.name)]
    if new.kind in SENDS:
        labels = {part.name: part.label for part in message_words.parts(new.kind)}
        spoken = message_words.of(new.kind, new.settings)
        found += [
            (labels[name], said, spoken[name])
            for name, said in message_words.of(new.kind, old.settings).items()
        ]
    elif old.settings != new.settings:
        was, now = _summary(old), _summary(new)
        found.append(("Set to", was, now) if was != now else ("Set to", *_plainly(old, new)))
    return tuple(Said(label, compared(was, now)) for label, was, now in found if was != now)


def _summary(node: GraphNode) -> str:
    return unescape(node_summary(node))


def _plainly(old: GraphNode, new: GraphNode) -> tuple[str, str]:
    """Settings that differ, where their summary does not say so: conditions of a branch, mostly."""
    changed = [
        name
        for name in sorted({*old.settings, *new.settings})
        if old.settings.get(name) != new.settings.get(name)
    ]
    return _told(old.settings, changed), _told(new.settings, changed)


def _told(settings: Mapping[str, Any], names: list[str]) -> str:
    said = []
    for name in names:
        value = settings.get(name)
        if name == "conditions" and isinstance(value, list):
            value = "; ".join(f"{words.condition(one)}: {words.sentence(one['label'])}" for one in value)
        said.append(f"{words.sentence(name)}: {value if value not in (None, '', []) else 'none'}")
    return ". ".join(said)
