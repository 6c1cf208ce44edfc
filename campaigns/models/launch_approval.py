from django.db import models
from django.db.models import F, Q

from common import clock


class LaunchApproval(models.Model):
    """A launch above its account’s limit: who asked, and what a second person decided."""

    campaign = models.OneToOneField("campaigns.Campaign", on_delete=models.CASCADE, related_name="approval")
    asked_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    people = models.PositiveIntegerField(help_text="Who would have got it then")
    above = models.PositiveIntegerField(help_text="The account’s limit then")
    decided_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    approved = models.BooleanField(null=True, blank=True)
    approved_people = models.PositiveIntegerField(
        null=True, blank=True, help_text="Who would have got it when it was approved"
    )
    reason = models.CharField(max_length=300, blank=True, default="", help_text="Why it was refused")

    account_path = "campaign__account"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, approved__isnull=True)
                | Q(decided_at__isnull=False, approved__isnull=False),
                name="launchapproval_decided",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | Q(asked_by__isnull=True)
                | ~Q(decided_by=F("asked_by")),
                name="launchapproval_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(approved=False) | ~Q(reason=""), name="launchapproval_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.people} above {self.above}"
