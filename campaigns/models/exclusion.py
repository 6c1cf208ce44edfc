from django.db import models

from common import clock


class Exclusion(models.Model):
    """A matched contact that was not admitted, with the first reason that applies."""

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="exclusions", db_index=False
    )
    occurrence = models.PositiveIntegerField(default=1)
    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, db_index=False)
    reason = models.CharField(max_length=40)
    at = models.DateTimeField(default=clock.now)

    account_path = "campaign__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "occurrence", "contact"], name="exclusion_contact")
        ]
        indexes = [models.Index(fields=["contact"], name="exclusion_of_contact")]

    def __str__(self) -> str:
        return self.reason
