"""What is wrong with a draft of a workflow, in words."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import networkx

from campaigns.graph import NEXT, OTHERWISE, Graph, GraphNode
from campaigns.models import Node
from campaigns.nodes import KINDS

_WRITTEN = {str(Node.Kind.SEND_SMS), str(Node.Kind.SEND_EMAIL)}  # what is answered in writing
_MOST_LOOPS = 5  # said at once: a tangle of steps has more than anybody could count


class Problem(NamedTuple):
    """Something wrong with a draft: at the step of this key, or with the whole where there is none. `words`
    stand beside the step, `said` in a list of all."""

    key: str
    words: str
    said: str


def of(graph: Graph) -> list[str]:
    """Everything that would keep this graph from running, in words; empty when it may be published."""
    return [problem.said for problem in found(graph)]


def found(graph: Graph) -> list[Problem]:
    """Everything that would keep this graph from running, with its step; empty when it may be published."""
    if not graph.nodes:
        return [_whole("The workflow has no steps. Add at least one text and an end.")]
    problems = []
    drawn = _drawn(graph.nodes)
    reachable = {graph.first} | networkx.descendants(drawn, graph.first)
    for node in graph.nodes.values():
        kind = KINDS.get(node.kind)
        if kind is None:
            words = f"is of a kind that does not exist: {node.kind}."
            problems.append(_about(node, words))
            continue
        problems += [
            Problem(node.key, problem, f"“{node.name}”: {problem}") for problem in kind.problems(node)
        ]
        allowed = kind.labels(node) | {NEXT, OTHERWISE}
        problems += [
            _about(node, f"has an edge “{label}” that it can never leave by.")
            for label in node.edges.keys() - allowed
        ]
        if node.id not in reachable:
            problems.append(_about(node, "can never be reached from the first step."))
    problems += _hasty_loops(graph, drawn)
    problems += _without_exit(graph, drawn, reachable)
    problems += _unanswerable(graph, drawn, reachable)
    if not any(node.kind in KINDS and KINDS[node.kind].reaches for node in graph.nodes.values()):
        problems.append(_whole("Nothing in this workflow reaches anybody. Add a text, an email or a call."))
    return problems


def _whole(words: str) -> Problem:
    return Problem("", words, words)


def _about(node: GraphNode, words: str) -> Problem:
    return Problem(node.key, f"It {words}", f"“{node.name}” {words}")


def _without_exit(graph: Graph, drawn: "networkx.DiGraph[int]", reachable: set[int]) -> list[Problem]:
    """The first step of each loop that nobody ever leaves, however long they wait in it."""
    problems = []
    for knot in networkx.strongly_connected_components(drawn):
        first = min(knot)
        round_about = len(knot) > 1 or drawn.has_edge(first, first)
        if not round_about or first not in reachable or any(_leaves(graph.nodes[n], knot) for n in knot):
            continue
        names = ", ".join(graph.nodes[n].name for n in sorted(knot))
        words = f"Nobody ever gets out of these steps: {names}. Draw a way from one of them to an end."
        problems.append(Problem(graph.nodes[first].key, words, words))
    return sorted(problems)


def _leaves(node: GraphNode, knot: set[int]) -> bool:
    """Whether some passage goes on elsewhere from this step, or ends at it."""
    kind = KINDS.get(node.kind)
    labels = kind.outcomes(node) if kind else {NEXT}
    taken = {node.leads_to(state="completed", label=label) for label in labels}
    return bool((taken | set(node.edges.values())) - knot)


def _unanswerable(graph: Graph, drawn: "networkx.DiGraph[int]", reachable: set[int]) -> list[Problem]:
    """Waits for a reply that come before anything was said that could be replied to."""
    found = []
    for wait, before in _waits(graph, drawn, reachable):
        if not any(kind in KINDS and KINDS[kind].reaches for kind in before):
            found.append(_about(wait, "waits for a reply before anything was sent. Put a text before it."))
        elif not before & _WRITTEN:
            found.append(
                _about(wait, "waits for a reply, and only calls come before it: who is called answers on the "
                       "phone. Lead the call’s own ways on, or put a text before it.")
            )  # fmt: skip
    return found


def answered_by_email(graph: Graph) -> list[GraphNode]:
    """Waits for a reply before which emails were sent, and no text."""
    if not any(node.kind == Node.Kind.WAIT_FOR_REPLY for node in graph.nodes.values()):
        return []
    drawn = _drawn(graph.nodes)
    reachable = {graph.first} | networkx.descendants(drawn, graph.first)
    return [
        wait
        for wait, before in _waits(graph, drawn, reachable)
        if before & _WRITTEN == {Node.Kind.SEND_EMAIL}
    ]


def _waits(
    graph: Graph, drawn: "networkx.DiGraph[int]", reachable: set[int]
) -> Iterator[tuple[GraphNode, set[str]]]:
    """Every wait for a reply that somebody comes to, with the kinds of the steps before it."""
    for wait in graph.nodes.values():
        if wait.kind == Node.Kind.WAIT_FOR_REPLY and wait.id in reachable:
            before = networkx.ancestors(drawn, wait.id) & reachable
            yield wait, {graph.nodes[n].kind for n in before}


def _hasty_loops(graph: Graph, drawn: "networkx.DiGraph[int]") -> list[Problem]:
    """The first loops in which nobody is ever held up. Without the nodes that do there is none in a sound
    workflow, so that looking costs no more than reading it."""
    hasty = drawn.subgraph(
        node.id
        for node in graph.nodes.values()
        if node.kind not in KINDS or not KINDS[node.kind].takes_time(node)
    )
    said = []
    for loop in islice(networkx.simple_cycles(hasty), _MOST_LOOPS):
        first = loop.index(min(loop))  # told from the step that was drawn first
        names = ", ".join(graph.nodes[n].name for n in loop[first:] + loop[:first])
        words = f"These steps go round without ever waiting: {names}."
        said.append(Problem(graph.nodes[loop[first]].key, words, words))
    return said


def _drawn(nodes: dict[int, GraphNode]) -> "networkx.DiGraph[int]":
    drawn: networkx.DiGraph[int] = networkx.DiGraph()
    drawn.add_nodes_from(nodes)
    drawn.add_edges_from((node.id, target) for node in nodes.values() for target in node.edges.values())
    return drawn
