"""A drawing as people read it: an ordered list of steps, in which each way of a branch has a list of its own.

What a way alone leads to stands inside it, what most people go by first; where ways meet again, the list goes
on behind them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from campaigns import drawing
from campaigns.drawing import Drawing, DrawnNode


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of the list: `step` and `step_end` around a step and its ways, `way` and `way_end` around what
    a way alone leads to, `rest` before the steps that nothing leads to."""

    what: str
    node: DrawnNode | None = None
    label: str = ""
    target: str = ""


class _Tree(NamedTuple):
    by_key: dict[str, DrawnNode]
    children: dict[str, list[str]]  # by the last step that everybody passes before them, in reading order
    own: dict[str, tuple[str, str]]  # step → the one way that leads to it, loops from behind it aside


def marks(drawn: Drawing) -> Iterator[Mark]:
    """The whole list; every step once."""
    there = drawing.reachable(drawn)
    tree = _tree(drawn, there)
    if drawn.first:
        yield from _sequence(tree, drawn.first)
    rest = [node for node in drawn.nodes if node.key not in there]
    if rest:
        yield Mark("rest")
    for node in rest:
        yield Mark("step", node)
        yield Mark("step_end", node)


def _sequence(tree: _Tree, key: str) -> Iterator[Mark]:
    node = tree.by_key[key]
    yield Mark("step", node)
    main = drawing.main_way(node)
    ways = [(label, node.ways[label]) for label in drawing.way_order(node)]
    ways.sort(key=lambda way: way[0] != main)
    inside = {to for label, to in ways if len(ways) > 1 and tree.own.get(to) == (key, label)}
    for label, target in ways:
        if target in inside:
            yield Mark("way", node, label, target)
            yield from _sequence(tree, target)
            yield Mark("way_end", node, label)
    yield Mark("step_end", node)
    for child in tree.children.get(key, []):
        if child not in inside:
            yield from _sequence(tree, child)


def _tree(drawn: Drawing, there: set[str]) -> _Tree:
    """Dominators by bit sets: bit n stands for the nth step."""
    nodes = [node for node in drawn.nodes if node.key in there]
    place = {node.key: n for n, node in enumerate(nodes)}
    coming: dict[str, list[tuple[str, str]]] = {node.key: [] for node in nodes}
    for node in nodes:
        for label in drawing.way_order(node):
            coming[node.ways[label]].append((node.key, label))
    everything = (1 << len(nodes)) - 1
    passed = [everything] * len(nodes)
    if nodes:
        passed[0] = 1
    moved = True
    while moved:
        moved = False
        for n, node in enumerate(nodes[1:], 1):
            common = everything
            for source, _ in coming[node.key]:
                common &= passed[place[source]]
            common |= 1 << n
            moved, passed[n] = moved or common != passed[n], common
    children: dict[str, list[str]] = {}
    own: dict[str, tuple[str, str]] = {}
    for n, node in enumerate(nodes[1:], 1):
        above = [m for m in range(len(nodes)) if m != n and passed[n] >> m & 1]
        last = max(above, key=lambda m: passed[m].bit_count())
        children.setdefault(nodes[last].key, []).append(node.key)
        from_before = [way for way in coming[node.key] if not passed[place[way[0]]] >> n & 1]
        if len(from_before) == 1 and from_before[0][0] == nodes[last].key:
            own[node.key] = from_before[0]
    return _Tree({node.key: node for node in nodes}, children, own)
