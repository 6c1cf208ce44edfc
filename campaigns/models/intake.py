from django.db import models

from common import clock


class Intake(models.Model):
    """How far one occurrence of a campaign has evaluated its audience; written with each slice of rows."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="intakes")
    occurrence = models.PositiveIntegerField(default=1)
    cursor = models.BigIntegerField(default=0, help_text="Last contact id evaluated")
    matched = models.BigIntegerField(default=0)
    admitted = models.BigIntegerField(default=0)
    starts_at = models.DateTimeField(
        null=True, blank=True, help_text="When the occurrence begins; blank: with the campaign"
    )
    missed = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="Occurrences just before it that never began: nobody worked, or it rested",
    )
    held = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Who would have entered beyond what the account lets one person launch to",
    )
    let_in = models.PositiveIntegerField(
        null=True, blank=True, help_text="A second person lets so many enter in all"
    )
    let_in_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    let_in_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    account_path = "campaign__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "occurrence"], name="intake_occurrence")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.occurrence}"
