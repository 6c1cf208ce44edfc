from django.db import models
from django.db.models import F, Q

from common import clock


class CampaignNumber(models.Model):
    """One more number that a campaign texts and calls from, beside its own: together they are its pool.

    One that was taken out stays, with `left_at`, until what waited for it has moved to the others.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="more_numbers")
    number = models.ForeignKey(
        "integrations.SendingNumber", on_delete=models.PROTECT, related_name="more_campaigns"
    )
    joined_at = models.DateTimeField(default=clock.now)
    left_at = models.DateTimeField(null=True, blank=True, help_text="Taken out of the pool")

    account_path = "campaign__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="campaignnumber_once"),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True) | Q(left_at__gte=F("joined_at")),
                name="campaignnumber_leaves_later",
            ),
        ]
        indexes = [
            models.Index(fields=["left_at"], name="campaignnumber_left", condition=Q(left_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.number_id} of {self.campaign_id}"
