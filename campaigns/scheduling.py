"""Which steps are due, campaign by campaign, and the claim that gives them to one worker."""

from datetime import datetime

from campaigns.models import Campaign
from campaigns.nodes.base import Row
from common import sql

BATCH = 1000


def activate(now: datetime) -> int:
    """Scheduled campaigns whose time has come are active from now on; how many."""
    return Campaign.objects.filter(status=Campaign.Status.SCHEDULED, starts_at__lte=now).update(
        status=Campaign.Status.ACTIVE
    )


def due_nodes(now: datetime) -> list[tuple[int, int, int, int]]:
    """(campaign, account, version, node) with something due, in active campaigns; random order is fair.

    One index probe per node of each active campaign, whatever the number of contacts.
    """
    found = sql.rows(
        """
        SELECT c.id, c.account_id, c.version_id, n.id
        FROM campaigns_campaign c JOIN campaigns_node n ON n.version_id = c.version_id
        WHERE c.status = 'active' AND EXISTS (
            SELECT 1 FROM campaigns_step s
            WHERE s.campaign_id = c.id AND s.node_id = n.id AND s.due_at <= %s)
        ORDER BY random()
        """,
        [now],
    )
    return [(campaign, account, version, node) for campaign, account, version, node in found]


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
