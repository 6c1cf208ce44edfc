"""The workflow as a graph: loading a frozen version, and saying what is wrong with a draft. No writes."""

from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import TYPE_CHECKING, Any

from campaigns.models import Edge, Node, WorkflowVersion

if TYPE_CHECKING:
    import networkx

NEXT = "next"
OTHERWISE = "otherwise"
_MOST_LOOPS = 5  # said at once: a tangle of steps has more than anybody could count


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node with its outgoing edges, as the engine reads it."""

    id: int
    key: str
    kind: str
    name: str
    settings: dict[str, Any]
    edges: dict[str, int] = field(default_factory=dict)

    def leads_to(self, *, state: str, label: str) -> int | None:
        """The node after this one, or None where the passage ends.

        A completed step leaves by its label's edge, else by `next`; a failed or skipped one by
        `otherwise` if drawn, else by `next`.
        """
        wanted = label if state == "completed" else OTHERWISE
        return self.edges.get(wanted, self.edges.get(NEXT))


@dataclass(frozen=True, slots=True)
class Graph:
    """A workflow version, whole. `cyclic` tells whether a node can be entered twice."""

    version_id: int
    first: int
    nodes: dict[int, GraphNode]
    cyclic: bool


def build(version: WorkflowVersion) -> Graph:
    """Read a version's nodes and edges from the database."""
    edges: dict[int, dict[str, int]] = {}
    for source, label, target in Edge.objects.filter(version=version).values_list(
        "source_id", "label", "target_id"
    ):
        edges.setdefault(source, {})[label] = target
    nodes = {
        node.id: GraphNode(node.id, node.key, node.kind, node.name, node.settings, edges.get(node.id, {}))
        for node in Node.objects.filter(version=version).order_by("position", "id")
    }
    first = next(iter(nodes), 0)
    return Graph(version.pk, first, nodes, cyclic=_is_cyclic(nodes))


def _is_cyclic(nodes: dict[int, GraphNode]) -> bool:
    try:
        TopologicalSorter({node.id: node.edges.values() for node in nodes.values()}).prepare()
    except CycleError:
        return True
    return False


@lru_cache(maxsize=512)
def load(version_id: int) -> Graph:
    """A published version's graph, kept in memory: publishing froze it."""
    return build(WorkflowVersion.objects.get(pk=version_id))


def errors(version: WorkflowVersion) -> list[str]:
    """Everything that would keep this version from running, in words; empty when it may be published."""
    import networkx  # takes every process a sixth of a second, and only publishing asks

    from campaigns.nodes import KINDS  # the kinds import this module

    graph = build(version)
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
    if not any(node.kind in (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL) for node in graph.nodes.values()):
        found.append("Nothing in this workflow reaches anybody. Add a text or an email.")
    return found


def _hasty_loops(graph: Graph, drawn: "networkx.DiGraph[int]") -> list[str]:
    """The first loops in which nobody is ever held up. Without the nodes that do there is none in a sound
    workflow, so that looking costs no more than reading it."""
    import networkx

    from campaigns.nodes import KINDS  # the kinds import this module

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
    import networkx

    drawn: networkx.DiGraph[int] = networkx.DiGraph()
    drawn.add_nodes_from(nodes)
    drawn.add_edges_from((node.id, target) for node in nodes.values() for target in node.edges.values())
    return drawn
