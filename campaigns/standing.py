"""How far a running campaign has come, for the words before and after pausing, resuming and stopping it."""

from dataclasses import dataclass

from campaigns.models import Campaign
from campaigns.words import number_of
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

    @property
    def sent_words(self) -> str:
        """What was sent: “1,204 texts and 3 emails sent stay sent.”"""
        if not self.sent + self.emails:
            return "No text was sent."
        texts = [number_of(self.sent, "text")] if self.sent else []
        emails = [number_of(self.emails, "email")] if self.emails else []
        stay = "stays" if self.sent + self.emails == 1 else "stay"
        return f"{' and '.join(texts + emails)} sent {stay} sent."

    def running_words(self, one: str, many: str) -> str:
        """Who is on their way, and what becomes of them, said of `one` or of `many`: “12 customers keep their
        place, 3 of them not texted yet.”"""
        if not self.running:
            return "Nobody is on their way in it."
        does = one if self.running == 1 else many
        rest = "" if self.running == 1 else f"{self.untouched:,} of them "
        untouched = f", {rest}not texted yet" if self.untouched else ""
        return f"{number_of(self.running, 'customer')} {does}{untouched}."


def of(campaign: Campaign) -> Standing:
    """Where a campaign stands now, counted from its rows in one statement."""
    (found,) = sql.rows(_READ, {"campaign": campaign.pk, "lane": campaign.lane_id})
    return Standing(*found)
