"""A workflow while it is drawn: its steps and ways as plain values, as drafts and files keep them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from campaigns.graph import NEXT, Graph, GraphNode, is_cyclic
from campaigns.nodes import KINDS

MOST_STEPS = 200
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """One step with the ways out of it: label → key of the step it leads to."""

    key: str
    kind: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "key": self.key, "kind": self.kind, "name": self.name,
            "settings": dict(self.settings), "ways": dict(self.ways),
        }  # fmt: skip

    @property
    def node(self) -> GraphNode:
        """As node kinds read it, alone: with its ways, whose targets are no ids here."""
        return GraphNode(0, self.key, self.kind, self.name, dict(self.settings), dict.fromkeys(self.ways, 0))


@dataclass(frozen=True)
class Drawing:
    """A workflow whole; its first step is where everybody begins. Nothing but `of` and `campaigns.editing`
    makes one, so that every way leads to a step that is there."""

    nodes: tuple[DrawnNode, ...] = ()

    @property
    def first(self) -> str:
        """The key of the first step; empty where there is none."""
        return self.nodes[0].key if self.nodes else ""

    @property
    def by_key(self) -> dict[str, DrawnNode]:
        """Key → step."""
        return {node.key: node for node in self.nodes}

    def stored(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {"nodes": [node.stored() for node in self.nodes]}

    def graph(self) -> Graph:
        """As the engine would read it, with places in the list for ids."""
        ids = {node.key: place for place, node in enumerate(self.nodes, 1)}
        nodes = {
            ids[n.key]: GraphNode(
                ids[n.key], n.key, n.kind, n.name, dict(n.settings),
                {label: ids[target] for label, target in n.ways.items()},
            )
            for n in self.nodes
        }  # fmt: skip
        return Graph(0, 1 if nodes else 0, nodes, cyclic=is_cyclic(nodes))

    def edges(self) -> Iterator[tuple[str, str, str]]:
        """(source, label, target) of every way, step by step."""
        for node in self.nodes:
            for label in way_order(node):
                yield node.key, label, node.ways[label]

    def coming(self, key: str) -> list[tuple[str, str]]:
        """The ways that lead to a step: (source, label)."""
        return [(source, label) for source, label, target in self.edges() if target == key]


def of(nodes: Iterable[DrawnNode], first: str) -> Drawing:
    """A drawing of these steps in the order people meet them, without ways that lead nowhere."""
    by_key = {node.key: node for node in nodes}
    kept = {
        key: replace(node, ways={label: to for label, to in node.ways.items() if to in by_key})
        for key, node in by_key.items()
    }
    order: dict[str, None] = {}
    for root in ([first] if first in kept else []) + list(kept):
        _walk(kept, root, order)
    return Drawing(tuple(kept[key] for key in order))


def read(stored: Mapping[str, Any]) -> Drawing:
    """What `Drawing.stored` gave."""
    return Drawing(
        tuple(
            DrawnNode(n["key"], n["kind"], n["name"], n["settings"], n["ways"])
            for n in stored.get("nodes", ())
        )
    )


def reachable(drawing: Drawing, start: str | None = None) -> set[str]:
    """Keys of the steps that can be reached from one, by default from the first."""
    by_key, found = drawing.by_key, dict[str, None]()
    _walk(by_key, drawing.first if start is None else start, found)
    return set(found)


def changed(before: Drawing, after: Drawing) -> set[str]:
    """Keys of the steps that are not the same in both; empty where nothing is. What is before everybody's
    first step stands under an empty key."""
    old, new = before.by_key, after.by_key
    found = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    return found | ({""} if before.first != after.first else set())


def way_order(node: DrawnNode) -> list[str]:
    """The labels of its drawn ways, as they are read."""
    return [label for label in labels(node) if label in node.ways]


def labels(node: DrawnNode) -> list[str]:
    """Every way that its kind offers, in reading order, then those that are only drawn."""
    kind = KINDS.get(node.kind)
    return list(dict.fromkeys([*(kind.ways(node.node) if kind else [NEXT]), *sorted(node.ways)]))


def main_way(node: DrawnNode) -> str:
    """The way by which what follows hangs on when the step is put in between; empty for an end."""
    kind = KINDS.get(node.kind)
    return kind.main_way(node.node) if kind else NEXT


def needed(node: DrawnNode) -> list[str]:
    """The ways that must be drawn before the step can run."""
    kind = KINDS.get(node.kind)
    return kind.needed(node.node) if kind else []


def _walk(by_key: Mapping[str, DrawnNode], root: str, seen: dict[str, None]) -> None:
    """Adds what can be reached from a step: before whatever it leads to, the first way's steps first. A way
    back does not count. Without recursion, for long workflows."""
    after: list[str] = []
    met: set[str] = set(seen)
    waiting = [(root, False)]
    while waiting:
        key, done = waiting.pop()
        if done:
            after.append(key)
        elif key in by_key and key not in met:
            met.add(key)
            node = by_key[key]
            waiting += [(key, True), *((node.ways[label], False) for label in way_order(node))]
    seen.update(dict.fromkeys(reversed(after)))
