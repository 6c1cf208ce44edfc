"""How far a running campaign has come, for the words before and after pausing, resuming and stopping it."""

from dataclasses import dataclass

from campaigns.models import Campaign
from common import sql

_READ = """
SELECT
    (SELECT count(*) FROM conversations_message m
     WHERE m.lane_id = %(lane)s AND m.accepted_at IS NOT NULL),
    (SELECT count(*) FROM campaigns_enrollment e
     WHERE e.campaign_id = %(campaign)s AND e.state = 'active'),
    (SELECT count(*) FROM campaigns_enrollment e
     WHERE e.campaign_id = %(campaign)s AND e.state = 'active' AND NOT EXISTS (
        SELECT 1 FROM conversations_message m WHERE m.address_id = e.address_id
          AND m.lane_id = %(lane)s AND m.accepted_at IS NOT NULL))
"""


@dataclass(frozen=True)
class Standing:
    """Texts the carrier has accepted, customers on their way, and those of them not texted yet."""

    sent: int
    running: int
    untouched: int


def of(campaign: Campaign) -> Standing:
    """Where a campaign stands now, counted from its rows in one statement."""
    ((sent, running, untouched),) = sql.rows(_READ, {"campaign": campaign.pk, "lane": campaign.lane_id})
    return Standing(sent, running, untouched)
