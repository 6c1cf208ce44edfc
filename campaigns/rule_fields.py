"""What rules can ask of campaigns: who is or was in which, since when, and on the way or through."""

from audiences.rules import fields
from audiences.rules.fields import Field, Kind, Source

PASSAGE = Source(
    "passage", "a campaign", "campaigns",
    "campaigns_enrollment e JOIN campaigns_campaign k ON k.id = e.campaign_id",
    "k.account_id", "e.contact_id", "c.id",
)  # fmt: skip
_CAMPAIGN = "campaigns.Campaign"


def declare() -> None:
    """Make all of it known."""
    fields.register(
        PASSAGE,
        Field(
            "campaign", "Is or was in the campaign", "Our contact", Kind.ROWS, "e.campaign_id",
            model=_CAMPAIGN,
            exists="EXISTS (SELECT 1 FROM campaigns_enrollment e WHERE e.contact_id = c.id AND {has})",
        ),
        Field("passage.campaign", "Campaign", "Campaign", Kind.ROWS, "e.campaign_id", of="passage",
              model=_CAMPAIGN, nullable=False),
        Field("passage.playbook", "Playbook", "Campaign", Kind.ROWS, "k.playbook_id", of="passage",
              model="campaigns.Playbook"),
        Field("passage.entered", "Entered", "Campaign", Kind.DATE, "e.entered_at", of="passage",
              nullable=False),
        Field("passage.active", "Still on the way", "Campaign", Kind.YES_NO, "e.state = 'active'",
              of="passage", nullable=False),
        Field("passage.ended", "Came to its end", "Campaign", Kind.DATE, "e.ended_at", of="passage"),
    )  # fmt: skip
