"""What a move to another version does with whoever stands at a node. No queries, no writes.

Whoever stands at a node that the other version has, too (same `Node.key`, same kind), goes on there unless
somebody chose otherwise; at any other node they stay on their version unless somebody chose.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from campaigns.graph import Graph, GraphNode
from campaigns.models import Node

SENDS = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL)
_TIMERS = {  # the setting that says for how many minutes a node of this kind waits
    Node.Kind.WAIT: "minutes",
    Node.Kind.WAIT_FOR_REPLY: "timeout_minutes",
    Node.Kind.BOOK_JOB: "timeout_minutes",
}


class Do(StrEnum):
    """What becomes of whoever stands at a node."""

    SAME = "same"  # they go on at the same node of the other version
    CONTINUE = "continue"  # at a node that was chosen
    RESTART = "restart"  # at the first
    LEAVE = "leave"  # on the version they are on
    EXIT = "exit"  # nowhere: their passage ends


class NotAChoice(ValueError):
    """What was chosen for a node cannot be, in words for people."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What becomes of whoever stands at one node. `to` is a node of the other version, where they go to one.

    `shift` moves timers that run, so that they keep their start; `length` is theirs, counted from that start,
    where something else was waited for until now; `look_again` has the engine look at once, where a moment of
    the week or a date is waited for. `reworded`: what was queued there says something else now.
    """

    do: Do
    to: GraphNode | None = None
    shift: timedelta = timedelta(0)
    length: timedelta | None = None
    look_again: bool = False
    reworded: bool = False


def same_node(node: GraphNode, target: Graph) -> GraphNode | None:
    """The node of another version that whoever stands at this one can go on at."""
    found = by_key(target).get(node.key)
    return found if found is not None and found.kind == node.kind else None


def by_key(drawn: Graph) -> dict[str, GraphNode]:
    """A version's nodes by their keys."""
    return {node.key: node for node in drawn.nodes.values()}


def default(node: GraphNode, target: Graph) -> dict[str, str]:
    """What is chosen for a node unless somebody chooses."""
    return {"do": Do.SAME if same_node(node, target) else Do.LEAVE}


def treatment(node: GraphNode, target: Graph, choice: Mapping[str, Any]) -> Treatment:
    """What a choice for a node means. Raises NotAChoice."""
    try:
        do = Do(choice.get("do", ""))
    except ValueError as error:
        raise NotAChoice(f"Choose what becomes of whoever stands at “{node.name}”.") from error
    match do:
        case Do.SAME:
            return _same(node, target)
        case Do.CONTINUE:
            to = by_key(target).get(str(choice.get("to", "")))
            if to is None:
                raise NotAChoice(f"Choose at which step whoever stands at “{node.name}” goes on.")
            return Treatment(do, to)
        case Do.RESTART:
            return Treatment(do, target.nodes[target.first])
    return Treatment(do)


def _same(node: GraphNode, target: Graph) -> Treatment:
    to = same_node(node, target)
    if to is None:
        raise NotAChoice(f"The other version has no step “{node.name}” to go on at. Choose another way.")
    old, new = _timer(node), _timer(to)
    shift = timedelta(minutes=new - old) if old is not None and new is not None else timedelta(0)
    changed = node.settings != to.settings
    length = timedelta(minutes=new) if old is None and new is not None else None
    look_again = node.kind == Node.Kind.WAIT and changed and new is None
    return Treatment(Do.SAME, to, shift, length, look_again, reworded=changed and node.kind in SENDS)


def _timer(node: GraphNode) -> int | None:
    """The minutes that a node waits for; None where it is until a time of the week, around a date, or not."""
    name = _TIMERS.get(Node.Kind(node.kind)) if node.kind in Node.Kind.values else None
    if name is None:
        return None
    if node.kind == Node.Kind.BOOK_JOB and name not in node.settings:
        return 3 * 24 * 60  # BookJobSettings: unless set
    value = node.settings.get(name)
    return int(value) if value is not None else None


def plan(
    sources: Iterable[Graph], target: Graph, choices: Mapping[str, Mapping[str, Any]]
) -> dict[int, Treatment]:
    """What becomes of whoever stands at each node of these versions, by the node's id. Raises NotAChoice."""
    return {
        node.id: treatment(node, target, choices.get(str(node.id)) or default(node, target))
        for drawn in sources
        for node in drawn.nodes.values()
    }


def ahead(target: Graph, begin: GraphNode, *, itself: bool) -> set[str]:
    """The keys of all nodes that lie ahead of whoever stands at `begin`, the node included where `itself`."""
    seen, waiting = set[int](), list(begin.edges.values())
    while waiting:
        if (node := waiting.pop()) not in seen:
            seen.add(node)
            waiting += target.nodes[node].edges.values()
    keys = {target.nodes[node].key for node in seen}
    return keys | {begin.key} if itself else keys
