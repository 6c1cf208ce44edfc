"""The engine: takes due steps in batches and lets each node kind move its whole batch.

Every batch is one transaction: claim, the kind's work, the outcome, the next steps. A worker killed at any
instant leaves nothing half done; the steps are simply due again.
"""

from datetime import datetime

from campaigns import graph, passages, scheduling
from campaigns.nodes import KINDS
from campaigns.nodes.base import Batch, Outcome, Row, State
from common import clock, loops
from common.transactions import atomic_with_retry

IDLE_SECONDS = 0.25


def work(seconds: float) -> int:
    """Run due steps for at most `seconds`, or until the process is asked to end; how many were taken."""
    total = 0
    for _ in loops.loop_until(seconds):
        taken = run_round(now=clock.now())
        total += taken
        if not taken:
            loops.nap(IDLE_SECONDS)
    return total


def run_round(*, now: datetime) -> int:
    """One batch for every node that has something due; how many steps were taken.

    A node that breaks keeps no other from its turn; its error is raised when all had theirs.
    """
    scheduling.activate(now)
    taken, broken = 0, []
    for campaign_id, account_id, version_id, node_id in scheduling.due_nodes(now):
        try:
            taken += run_batch(campaign_id, account_id, version_id, node_id, now=now)
        except Exception as error:
            error.add_note(f"campaign {campaign_id}, node {node_id}")
            broken.append(error)
    if broken:
        raise broken[0]
    return taken


@atomic_with_retry
def run_batch(campaign_id: int, account_id: int, version_id: int, node_id: int, *, now: datetime) -> int:
    """Claim and run one batch of one node; how many steps were taken."""
    drawn = graph.load(version_id)
    node = drawn.nodes[node_id]
    kind = KINDS[node.kind]
    limit = kind.limit(scheduling.BATCH, campaign_id=campaign_id, node=node, now=now)
    rows = scheduling.claim_due(campaign_id, node_id, limit=limit, now=now)
    if not rows:
        return 0
    batch = Batch(account_id, campaign_id, node, rows, now)
    outcomes = _decide(batch) if kind.instant else kind.execute(batch)
    passages.settle(campaign_id, drawn, node, outcomes, now=now)
    return len(rows)


def _decide(batch: Batch) -> list[Outcome]:
    """An instant node that was stored open: the first of a workflow, or one met after 20 hops."""
    by_enrollment: dict[int, Row] = {row.enrollment_id: row for row in batch.rows}
    decisions = KINDS[batch.node.kind].decide(
        campaign_id=batch.campaign_id, node=batch.node, enrollment_ids=list(by_enrollment), now=batch.now
    )
    return [
        Outcome([by_enrollment[i] for i in ids], State.COMPLETED, label=label)
        for label, ids in decisions.by_label.items()
    ]
