"""What is wrong with a draft of a workflow, in words."""

from itertools import islice

import networkx

from campaigns.graph import NEXT, OTHERWISE, Graph, GraphNode
from campaigns.models import Node
from campaigns.nodes import KINDS

_REACHES = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL, Node.Kind.CALL)
_MOST_LOOPS = 5  # said at once: a tangle of steps has more than anybody could count


def of(graph: Graph) -> list[str]:
    """Everything that would keep this graph from running, in words; empty when it may be published."""
    if not graph.nodes:
        return ["The workflow has no steps. Add at least one text and an end."]
    found = []
    drawn = _drawn(graph.nodes)
    reachable = {graph.first} | networkx.descendants(drawn, graph.first)
    for node in graph.nodes.values():
        kind = KINDS.get(node.kind)
        if kind is None:
            found.append(f"“{node.name}” is of a kind that does not exist: {node.kind}.")
            continue
        found += [f"“{node.name}”: {problem}" for problem in kind.problems(node)]
        allowed = kind.labels(node) | {NEXT, OTHERWISE}
        found += [
            f"“{node.name}” has an edge “{label}” that it can never leave by."
            for label in node.edges.keys() - allowed
        ]
        if node.id not in reachable:
            found.append(f"“{node.name}” can never be reached from the first step.")
    found += _hasty_loops(graph, drawn)
    if not any(node.kind in _REACHES for node in graph.nodes.values()):
        found.append("Nothing in this workflow reaches anybody. Add a text, an email or a call.")
    return found


def _hasty_loops(graph: Graph, drawn: "networkx.DiGraph[int]") -> list[str]:
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
        said.append(f"These steps go round without ever waiting: {names}.")
    return said


def _drawn(nodes: dict[int, GraphNode]) -> "networkx.DiGraph[int]":
    drawn: networkx.DiGraph[int] = networkx.DiGraph()
    drawn.add_nodes_from(nodes)
    drawn.add_edges_from((node.id, target) for node in nodes.values() for target in node.edges.values())
    return drawn
