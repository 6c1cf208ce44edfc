"""How many left a node by which edge: what the counters keep by label, read by the edges that are drawn.

A closed step counts once as `left:<label>`, or as `ended` where its passage ended there. A label without an
edge of its own leads on by `next`; without that, nowhere. Whoever was moved elsewhere as the workflow changed
left by no edge, and so did another try of what had failed. Here is also how the past came to be counted when
a release began to.
"""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q

from analytics import counters, fills
from campaigns import graph
from campaigns.graph import NEXT, GraphNode
from campaigns.models import Campaign, Step
from campaigns.passages import ANOTHER_TRY
from campaigns.repointing import MOVED
from common import sql
from common.transactions import atomic_with_retry

LEFT, ENDED = "left:", "ended"
EDGE, NOWHERE = "edge:", "nowhere"  # columns of the lists behind: one edge; all whose passage ended there
BY_NO_EDGE = frozenset({MOVED, ANOTHER_TRY})
NAME = "edges"
SLICE = 2_000  # enrollments
CLOSED = (Step.State.COMPLETED, Step.State.FAILED, Step.State.SKIPPED)


@dataclass(frozen=True)
class Leaving:
    """How many left a node: by each drawn edge, and those whose passage ended there."""

    by_edge: dict[str, int]
    ended: int

    @property
    def whole(self) -> int:
        """All that left by an edge."""
        return sum(self.by_edge.values())


def of_node(campaign_id: int, node: GraphNode, found: Counter[counters.Cell]) -> Leaving:
    """Who left this node, from the counters read before; no query."""
    by_edge = dict.fromkeys(node.edges, 0)
    ended = found[campaign_id, node.key, ENDED]
    for (campaign, key, column), n in found.items():
        label = column.removeprefix(LEFT)
        if campaign == campaign_id and key == node.key and label != column and label not in BY_NO_EDGE:
            edge = _edge(node, label)
            if edge is None:
                ended += n
            else:
                by_edge[edge] += n
    return Leaving(by_edge, ended)


def of_nodes(campaign_id: int, drawn: graph.Graph, found: Counter[counters.Cell]) -> dict[str, Leaving]:
    """Who left each node, by its key."""
    ours: dict[str, Counter[counters.Cell]] = {}
    for cell, n in found.items():
        if cell[0] == campaign_id:
            ours.setdefault(cell[1], Counter())[cell] = n
    return {n.key: of_node(campaign_id, n, ours.get(n.key, Counter())) for n in drawn.nodes.values()}


def _edge(node: GraphNode, label: str) -> str | None:
    """The label of the drawn edge that leaving by `label` takes."""
    if label in node.edges:
        return label
    return NEXT if NEXT in node.edges else None


def steps_by(campaign: Campaign, node_key: str, column: str) -> Q | None:
    """Which steps of a node took an edge, `edge:<label>`, or ended there, `nowhere`; None for neither."""
    nodes = graph.load(campaign.version_id).nodes.values()
    node = next((node for node in nodes if node.key == node_key), None)
    if node is None:
        return None
    label = column.removeprefix(EDGE)
    others = [each for each in node.edges if each != NEXT]
    ended = Q(state__in=[Step.State.FAILED, Step.State.SKIPPED], outcome="")
    # What no edge of its own leads on.
    elsewhere = Q(state__in=CLOSED) & ~Q(outcome__in=[*others, *BY_NO_EDGE])
    if column == NOWHERE:
        return ended if NEXT in node.edges else elsewhere
    if label not in node.edges or not column.startswith(EDGE):
        return None
    return elsewhere & ~ended if label == NEXT else Q(state__in=CLOSED, outcome=label)


_LEFT_WITHOUT_SAYING = """
    UPDATE campaigns_step s SET outcome = 'otherwise'
    FROM campaigns_enrollment e
    WHERE e.id = ANY(%(enrollments)s) AND s.enrollment_id = e.id
      AND s.state IN ('failed', 'skipped') AND s.outcome = ''
      AND (e.ended_reason = 'finished'
           OR EXISTS (SELECT FROM campaigns_step later WHERE later.enrollment_id = e.id AND later.id > s.id))
"""
# Rows less counters, in one snapshot: what changes from then on counts itself.
_FILL = """
insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
select %(campaign)s, node_key, "column", minute, sum(n)
from (
    select node.key as node_key, cell."column", date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
           sum(step.n) as n
    from (
        select step.node_id, step.state, step.state_at, step.outcome, count(*) as n
        from campaigns_enrollment enrollment
        join campaigns_step step on step.enrollment_id = enrollment.id
        where enrollment.campaign_id = %(campaign)s
          and step.state = any(array['completed', 'failed', 'skipped'])
        group by step.node_id, step.state, step.state_at, step.outcome
    ) step
    join campaigns_node node on node.id = step.node_id
    cross join lateral analytics_step_cells(step.state, step.state_at, step.state_at, step.outcome) cell
    where cell."column" = 'ended' or cell."column" like 'left:%%'
    group by 1, 2, 3
    union all
    select node_key, "column", minute, n from analytics_counterbaseline
    where campaign_id = %(campaign)s and ("column" = 'ended' or "column" like 'left:%%')
    union all
    select node_key, "column", minute, -n from analytics_counterminute
    where campaign_id = %(campaign)s and ("column" = 'ended' or "column" like 'left:%%')
    union all
    select node_key, "column", minute, -n from analytics_counterdelta
    where campaign_id = %(campaign)s and ("column" = 'ended' or "column" like 'left:%%')
) differing
group by node_key, "column", minute
having sum(n) <> 0
"""


def pending() -> bool:
    """Whether the past is still being counted: until then figures of edges fall short."""
    return fills.pending(NAME)


def fill_next() -> bool:
    """Count the past of the next campaign; whether there may be another. Any part may be done twice."""
    return fills.fill_next(NAME, _count_past)


def _count_past(campaign: int) -> None:
    _say_how_they_left(campaign)
    sql.run(_FILL, {"campaign": campaign})


def _say_how_they_left(campaign: int) -> None:
    last = 0
    while ids := sql.column(
        "SELECT id FROM campaigns_enrollment WHERE campaign_id = %s AND id > %s ORDER BY id LIMIT %s",
        [campaign, last, SLICE],
    ):
        _say_slice(ids)
        last = ids[-1]


@atomic_with_retry
def _say_slice(enrollment_ids: list[int]) -> None:
    sql.run(_LEFT_WITHOUT_SAYING, {"enrollments": enrollment_ids})
