"""The workflow as a graph. No writes."""

from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

from campaigns.models import Edge, Node, WorkflowVersion

NEXT = "next"
OTHERWISE = "otherwise"


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
    return Graph(version.pk, first, nodes, cyclic=is_cyclic(nodes))


def is_cyclic(nodes: dict[int, GraphNode]) -> bool:
    """Whether somebody could come to one of these steps again."""
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
    """Everything that would keep this version from running in its account, in words; empty when it may be
    published."""
    # Their library takes every process a sixth of a second, and only publishing asks.
    from campaigns import account_checks, graph_errors

    drawn = build(version)
    of_account = account_checks.problems(drawn, version.workflow.account)
    return graph_errors.of(drawn) + [problem.said for problem in of_account]
