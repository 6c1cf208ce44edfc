"""What may be done to a workflow while it is drawn. Pure: every operation takes a drawing and gives another.

An operation that makes no sense where it is asked for raises `Impossible` and changes nothing. No operation
loses a step that it was not told to take away: what nothing leads to any more stays, marked as unreachable.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from campaigns import drawing
from campaigns.drawing import LONGEST_NAME, MOST_STEPS, Drawing, DrawnNode
from campaigns.nodes import KINDS

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
END = "end"


class Impossible(Exception):
    """What was asked for cannot be done to this drawing; says why."""


class Place(NamedTuple):
    """The beginning of a way: a step and a label. No step: what leads to the first one."""

    source: str
    label: str = ""


TOP = Place("")


def new_key(kind: str) -> str:
    """A key that no step of this workflow has or ever had: figures of a deleted one are not the new one's."""
    return f"{kind[:20]}_{''.join(secrets.choice(_LETTERS) for _ in range(6))}"


def insert(
    drawn: Drawing, at: Place, kind: str, *, key: str, name: str, settings: Mapping[str, Any]
) -> Drawing:
    """A new step on a way, or where a way ends or begins. What followed follows its main way; the ways it
    needs besides lead there, too, so that it can run at once. An end cuts the way off."""
    _check_new(drawn, key, kind)
    return _put(drawn, DrawnNode(key, kind, _named(name, kind), dict(settings)), at)


def insert_before(
    drawn: Drawing, before: str, kind: str, *, key: str, name: str, settings: Mapping[str, Any]
) -> Drawing:
    """A new step that everybody passes who comes to `before`."""
    _node(drawn, before)
    _check_new(drawn, key, kind)
    if kind == END:
        raise Impossible("Nothing can follow an end.")
    made = _leading_on(DrawnNode(key, kind, _named(name, kind), dict(settings)), before)
    others = [_rerouted(node, {before: key}) for node in drawn.nodes]
    return drawing.of([*others, made], key if drawn.first == before else drawn.first)


def change(
    drawn: Drawing,
    key: str,
    *,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Drawing:
    """Another name or other settings. `renamed` says what a branch's ways are called by now; a way that is
    gone takes its line with it, a new one leads where the main one does."""
    node = _node(drawn, key)
    before = drawing.labels(node)
    after = replace(
        node,
        name=node.name if name is None else _named(name, node.kind),
        settings=node.settings if settings is None else dict(settings),
    )
    ways = {(renamed or {}).get(label, label): target for label, target in node.ways.items()}
    after = replace(after, ways={})
    offered = drawing.labels(after)
    stale = set(before) - set(offered) - {"next", "otherwise"}
    kept = {label: target for label, target in ways.items() if label not in stale}
    fallback = kept.get(drawing.main_way(after)) or next(iter(kept.values()), None)
    fresh = [label for label in drawing.needed(after) if label not in kept and label not in before]
    if fallback is not None:
        kept |= dict.fromkeys(fresh, fallback)
    return _with(drawn, replace(after, ways=kept))


def connect(drawn: Drawing, at: Place, target: str) -> Drawing:
    """Let a way lead to a step that is there: a merge, or a loop."""
    _node(drawn, target)
    if not at.source:
        return drawing.of(drawn.nodes, target)
    source = _source(drawn, at)
    return _with(drawn, replace(source, ways={**source.ways, at.label: target}))


def disconnect(drawn: Drawing, at: Place) -> Drawing:
    """Let a way lead nowhere: whoever leaves by it is done, or takes the step's other way."""
    source = _source(drawn, at)
    if at.label not in source.ways:
        raise Impossible("Nothing is drawn there any more.")
    return _with(drawn, replace(source, ways={k: v for k, v in source.ways.items() if k != at.label}))


def move(drawn: Drawing, key: str, to: Place) -> Drawing:
    """The step on another way; whoever came to it goes on by its main way. Its other ways go with it."""
    node = _node(drawn, key)
    main = drawing.main_way(node)
    if not main:
        raise Impossible("An end stays where its way ends. Draw the way to another step instead.")
    if to.source == key:
        raise Impossible("A step cannot follow itself. Choose another place.")
    if to.source:
        _source(drawn, to)
    after = node.ways.get(main)
    after = None if after == key else after
    if drawn.first == key and after is None:
        raise Impossible("Everybody begins here, and nothing follows: there is no other place.")
    rest = _taken_out(drawn, key, after)
    side = {label: target for label, target in node.ways.items() if label != main and target != key}
    needed = [label for label in drawing.needed(node) if label not in side]
    return _put(rest, replace(node, ways=side), to, needed=needed)


def move_up(drawn: Drawing, key: str) -> Drawing:
    """Before the only step that leads to it."""
    source = before_of(drawn, key)
    if source is None:
        raise Impossible("No single step stands before it. Choose a place to move it to.")
    return move(drawn, key, TOP if drawn.first == source else Place(*drawn.coming(source)[0]))


def move_down(drawn: Drawing, key: str) -> Drawing:
    """After the step that follows it."""
    after = after_of(drawn, key)
    if after is None:
        raise Impossible("Nothing follows that it could go behind.")
    return move(drawn, key, Place(after, drawing.main_way(drawn.by_key[after])))


def before_of(drawn: Drawing, key: str) -> str | None:
    """The step above, where there is one and `move_up` knows what to do."""
    coming = drawn.coming(key)
    node = drawn.by_key.get(key)
    if node is None or drawn.first == key or len(coming) != 1 or not drawing.main_way(node):
        return None
    source, label = coming[0]
    above = drawn.coming(source)
    plain = label == drawing.main_way(drawn.by_key[source])
    lone = not above if drawn.first == source else len(above) == 1 and above[0][0] != key
    return source if plain and lone and source != key else None


def after_of(drawn: Drawing, key: str) -> str | None:
    """The step below, where there is one and `move_down` knows what to do."""
    node = drawn.by_key.get(key)
    if node is None or not drawing.main_way(node):
        return None
    target = node.ways.get(drawing.main_way(node))
    if target in (None, key) or not drawing.main_way(drawn.by_key[str(target)]):
        return None
    return target if len(drawn.coming(str(target))) == 1 and drawn.first != target else None


def copy(drawn: Drawing, key: str, to: Place, *, new: str) -> Drawing:
    """The same step once more, on this way; its other ways lead where the first one's do."""
    node = _node(drawn, key)
    _check_new(drawn, new, node.kind)
    main = drawing.main_way(node)
    side = {label: target for label, target in node.ways.items() if label != main}
    name = node.name if node.name.endswith(" again") else f"{node.name[: LONGEST_NAME - 6]} again"
    made = replace(node, key=new, name=name, ways=side)
    return _put(drawn, made, to, needed=[label for label in drawing.needed(node) if label not in side])


def delete(drawn: Drawing, key: str, *, keep: str | None) -> Drawing:
    """Take a step away. Whoever came to it goes on by its way `keep`; what only its other ways led to goes
    with it. None: nothing is kept of what only it led to, and its ways in end where it was."""
    node = _node(drawn, key)
    if keep is not None and keep not in node.ways:
        raise Impossible("That way is not drawn any more. Choose again what is kept.")
    target = node.ways[keep] if keep is not None else None
    target = None if target == key else target
    rest = _taken_out(drawn, key, target)
    left = set() if drawn.first == key and target is None else drawing.reachable(rest)
    lost = drawing.reachable(drawn, key) & drawing.reachable(drawn)
    return drawing.of([n for n in rest.nodes if n.key in left or n.key not in lost], rest.first)


def goes_with(drawn: Drawing, key: str, keep: str | None) -> list[DrawnNode]:
    """The other steps that `delete` would take away with it, in order."""
    left = delete(drawn, key, keep=keep).by_key
    return [node for node in drawn.nodes if node.key not in left and node.key != key]


def drop_unreachable(drawn: Drawing) -> Drawing:
    """Without the steps that nothing leads to."""
    there = drawing.reachable(drawn)
    return drawing.of([node for node in drawn.nodes if node.key in there], drawn.first)


def places(drawn: Drawing) -> list[Place]:
    """Every place where a step can be put: the top, each way drawn, and each that ends in the open."""
    found = [TOP]
    for node in drawn.nodes:
        found += [Place(node.key, label) for label in drawing.labels(node) if label in node.ways]
        found += [Place(node.key, label) for label in open_ways(node)]
    return found


def open_ways(node: DrawnNode) -> list[str]:
    """The ways of a step that are not drawn and want to be: those it needs, and its main one."""
    main = drawing.main_way(node)
    wanted = list(dict.fromkeys([*drawing.needed(node), *([main] if main else [])]))
    stands_in = "next" in node.ways and main not in drawing.needed(node)
    return [label for label in wanted if label not in node.ways and not stands_in and not _all_out(node)]


def _all_out(node: DrawnNode) -> bool:
    """Whether every outcome has a way of its own, so that the common one is not missed."""
    kind = KINDS.get(node.kind)
    own = kind.labels(node.node) if kind else set()
    return bool(own) and not drawing.needed(node) and own <= node.ways.keys()


def _put(drawn: Drawing, node: DrawnNode, at: Place, *, needed: Iterable[str] | None = None) -> Drawing:
    """A step on a way. Where nothing follows, ways that it needs lead to an end, one that is there or new."""
    if at.source:
        source = _source(drawn, at)
        after = source.ways.get(at.label)
    else:
        after = drawn.first or None
    wanted = drawing.needed(node) if needed is None else list(needed)
    main = drawing.main_way(node)
    more: list[DrawnNode] = []
    if after is None and main and (wanted or not drawn.nodes):
        after, more = _an_end(drawn)
    if main and after is not None:
        node = replace(node, ways={**dict.fromkeys(wanted, after), **node.ways, main: after})
    nodes = [n for n in drawn.nodes if n.key != node.key]
    if at.source:
        nodes = [replace(n, ways={**n.ways, at.label: node.key}) if n.key == at.source else n for n in nodes]
    return drawing.of([*nodes, node, *more], drawn.first if at.source else node.key)


def _an_end(drawn: Drawing) -> tuple[str, list[DrawnNode]]:
    for node in drawn.nodes:
        if node.kind == END:
            return node.key, []
    made = DrawnNode(new_key(END), END, "Done")
    return made.key, [made]


def _taken_out(drawn: Drawing, key: str, target: str | None) -> Drawing:
    """Without a step: what led to it leads to `target`, or nowhere."""
    nodes = [_rerouted(node, {key: target}) for node in drawn.nodes if node.key != key]
    first = (target or "") if drawn.first == key else drawn.first
    return drawing.of(nodes, first)


def _rerouted(node: DrawnNode, to: Mapping[str, str | None]) -> DrawnNode:
    ways = {label: to.get(target, target) for label, target in node.ways.items()}
    return replace(node, ways={label: target for label, target in ways.items() if target is not None})


def _leading_on(node: DrawnNode, target: str) -> DrawnNode:
    return replace(node, ways={**dict.fromkeys(drawing.needed(node), target), drawing.main_way(node): target})


def _with(drawn: Drawing, changed: DrawnNode) -> Drawing:
    nodes = [changed if node.key == changed.key else node for node in drawn.nodes]
    return drawing.of(nodes, drawn.first)


def _node(drawn: Drawing, key: str) -> DrawnNode:
    found = drawn.by_key.get(key)
    if found is None:
        raise Impossible("This step is no longer there. Somebody took it away, or it was undone.")
    return found


def _source(drawn: Drawing, at: Place) -> DrawnNode:
    source = _node(drawn, at.source)
    if at.label not in drawing.labels(source):
        raise Impossible(f"“{source.name}” has no such way. Look at it again: it was changed.")
    return source


def _check_new(drawn: Drawing, key: str, kind: str) -> None:
    if kind not in KINDS:
        raise Impossible("There is no such kind of step.")
    if not _KEY.fullmatch(key) or key in drawn.by_key:
        raise Impossible("That step is there already.")
    if len(drawn.nodes) >= MOST_STEPS:
        raise Impossible(f"A workflow has at most {MOST_STEPS} steps. Divide it into two workflows.")


def _named(name: str, kind: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME] or kind.replace("_", " ").capitalize()
