"""How far a running campaign has come, for the words before and after pausing, resuming and stopping it."""

from dataclasses import dataclass

from campaigns.models import Campaign
from common import sql

_READ = """
SELECT
    s.texts, s.emails,
    (SELECT count(*) FROM campaigns_enrollment e
     WHERE e.campaign_id = %(campaign)s AND e.state = 'active'),
    (SELECT count(*) FROM campaigns_enrollment e
     WHERE e.campaign_id = %(campaign)s AND e.state = 'active' AND NOT EXISTS (
        SELECT 1 FROM conversations_message m WHERE m.address_id = e.address_id
          AND m.lane_id = %(lane)s AND m.accepted_at IS NOT NULL))
FROM (SELECT count(*) FILTER (WHERE m.mailbox_id IS NULL) AS texts, count(m.mailbox_id) AS emails
      FROM conversations_message m WHERE m.lane_id = %(lane)s AND m.accepted_at IS NOT NULL) s
"""


@dataclass(frozen=True)
class Standing:
    """Texts and emails that providers have accepted, customers on their way, and those of them not texted
    yet."""

    sent: int
    emails: int
    running: int
    untouched: int


def of(campaign: Campaign) -> Standing:
    """Where a campaign stands now, counted from its rows in one statement."""
    (found,) = sql.rows(_READ, {"campaign": campaign.pk, "lane": campaign.lane_id})
    return Standing(*found)
