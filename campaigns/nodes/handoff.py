from datetime import datetime

from pydantic import Field

from campaigns import pools
from campaigns.graph import NEXT, GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import Decisions, NodeKind, Settings
from common import sql
from conversations import handoffs
from conversations.threads import MAX_REASON


class HandoffSettings(Settings):
    """Why a person is wanted: it stands above the thread."""

    reason: str = Field(min_length=1, max_length=MAX_REASON)


class Handoff(NodeKind):
    """Gives the contact's thread to a person, with the reason; the passage goes on at once."""

    kind = "handoff"
    instant = True
    settings_model = HandoffSettings

    def decide(
        self, *, campaign_id: int, node: GraphNode, enrollment_ids: list[int], now: datetime
    ) -> Decisions:
        """Everybody's thread wants a person; who opted out meanwhile is left alone, and goes on too."""
        pool, whom = pools.of(Campaign.objects.get(pk=campaign_id), now=now), ("e.contact_id", "e.address_id")
        found = sql.rows(
            f"""
            SELECT c.account_id, {pool.chosen(*whom)}, e.contact_id, e.address_id
            FROM campaigns_enrollment e JOIN campaigns_campaign c ON c.id = e.campaign_id {pool.joins(*whom)}
            WHERE e.id = ANY(%(enrollments)s) ORDER BY e.address_id, e.contact_id
            """,
            {"enrollments": enrollment_ids, **pool.params},
        )
        handoffs.hand_over(
            [handoffs.Handoff(*row) for row in found], reason=self.settings(node).reason, now=now
        )
        return Decisions({NEXT: list(enrollment_ids)})
