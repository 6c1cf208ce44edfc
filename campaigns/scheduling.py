"""Which steps are due, whose turn it is, and the claim that gives them to one worker."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from datetime import datetime
from typing import NamedTuple

from campaigns.models import Campaign
from campaigns.nodes.base import Row
from common import sql
from common.turns import Turns

BATCH = 1000


class DueNode(NamedTuple):
    """A node of an active campaign with something due, in whatever version somebody is there."""

    campaign_id: int
    account_id: int
    version_id: int
    node_id: int


def activate(now: datetime) -> int:
    """Scheduled campaigns whose time has come are active from now on; how many."""
    return Campaign.objects.filter(status=Campaign.Status.SCHEDULED, starts_at__lte=now).update(
        status=Campaign.Status.ACTIVE
    )


LIVE_VERSIONS = """
    SELECT c.version_id AS id UNION SELECT m.before_id FROM campaigns_versionmove m WHERE m.campaign_id = c.id
"""
"""The versions that contacts of a campaign `c` may be on: its own, and those it was moved from. Analytics
asks the same."""


def due_nodes(now: datetime) -> list[DueNode]:
    """Where something is due in active campaigns, in no order; `next_turns` makes it fair.

    One index probe per node of each active campaign, whatever the number of contacts: the order by `due_at`
    keeps the planner from reading all that is due, or the whole table up to a first row.
    """
    found = sql.rows(
        f"""
        SELECT c.id, c.account_id, n.version_id, n.id
        FROM campaigns_campaign c CROSS JOIN LATERAL ({LIVE_VERSIONS}) v
        JOIN campaigns_node n ON n.version_id = v.id
        CROSS JOIN LATERAL (
            SELECT FROM campaigns_step s WHERE s.campaign_id = c.id AND s.node_id = n.id AND s.due_at <= %s
            ORDER BY s.due_at LIMIT 1) due
        WHERE c.status = 'active'
        """,
        [now],
    )
    return [DueNode(*row) for row in found]


def next_turns(due: Iterable[DueNode], turns: Turns) -> list[DueNode]:
    """The node that each account has its next turn with, in order.

    An account's turn goes to the campaign that was served longest ago, a campaign's to its node that was:
    neither many nodes nor many contacts nor many campaigns get anybody more turns than others.
    """
    waiting: dict[Hashable, dict[Hashable, list[DueNode]]] = defaultdict(lambda: defaultdict(list))
    for node in due:
        waiting["account", node.account_id]["campaign", node.campaign_id].append(node)
    turn_of_each = []
    for account in turns.order(waiting):
        campaign = turns.order(waiting[account])[0]
        node = turns.order(waiting[account][campaign])[0]
        turns.took(account, campaign, node)
        turn_of_each.append(node)
    return turn_of_each


def claim_due(
    campaign_id: int, node_id: int, *, limit: int, now: datetime, among: list[int] | None = None
) -> list[Row]:
    """Lock due steps of one node with their live enrollments, passing over what others hold.

    Of the steps `among` alone, where given. Inside the engine's transaction. Campaigns that are not active
    give nothing.
    """
    if limit <= 0:
        return []
    only = "" if among is None else "AND s.id = ANY(%s)"
    found = sql.rows(
        f"""
        WITH due AS MATERIALIZED (
            SELECT s.id, s.enrollment_id FROM campaigns_step s
            JOIN campaigns_enrollment e ON e.id = s.enrollment_id
            WHERE s.campaign_id = %s AND s.node_id = %s AND s.due_at <= %s AND e.state = 'active' {only}
            AND EXISTS (
                SELECT 1 FROM campaigns_campaign c WHERE c.id = s.campaign_id AND c.status = 'active')
            ORDER BY s.due_at LIMIT %s FOR NO KEY UPDATE OF s, e SKIP LOCKED)
        SELECT id, enrollment_id FROM due
        """,
        [campaign_id, node_id, now, *([] if among is None else [among]), limit],
    )
    return [Row(*row) for row in found]
