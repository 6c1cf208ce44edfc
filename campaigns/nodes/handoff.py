from datetime import datetime

from pydantic import Field

from campaigns.graph import NEXT, GraphNode
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
        found = sql.rows(
            """
            SELECT c.account_id, c.number_id, e.contact_id, e.address_id
            FROM campaigns_enrollment e JOIN campaigns_campaign c ON c.id = e.campaign_id
            WHERE e.id = ANY(%s) ORDER BY e.address_id, e.contact_id
            """,
            [enrollment_ids],
        )
        handoffs.hand_over(
            [handoffs.Handoff(*row) for row in found], reason=self.settings(node).reason, now=now
        )
        return Decisions({NEXT: list(enrollment_ids)})
