from django.db import models

from common import clock


class Clearing(models.Model):
    """How far the old passages of an ended campaign have been deleted: one round, then another weeks later.

    Written in the transaction of every slice, so that a killed worker goes on where the last one came to.
    """

    campaign = models.OneToOneField(
        "campaigns.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="clearing"
    )
    cursor = models.BigIntegerField(default=0, help_text="The last enrollment looked at in this round")
    before = models.DateTimeField(help_text="What ended earlier went, unless it is kept as evidence")
    deleted = models.PositiveBigIntegerField(default=0, help_text="Passages deleted, of all rounds")
    told = models.PositiveBigIntegerField(default=0, help_text="Of them, those the audit log speaks of")
    begun_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    account_path = "campaign__account"

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.deleted}"
