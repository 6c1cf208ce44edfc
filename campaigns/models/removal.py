from django.db import models
from django.db.models import F, Q

from common import clock


class Removal(models.Model):
    """One customer was taken out of a campaign: where they stood, so that it can be undone for a minute."""

    enrollment = models.OneToOneField(
        "campaigns.Enrollment", primary_key=True, on_delete=models.CASCADE, related_name="removal"
    )
    by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=clock.now)
    steps = models.JSONField(default=list, help_text="Of each open step: its id, state and due time")
    reply_id = models.BigIntegerField(
        null=True, blank=True, help_text="The reply that no step had awaited yet"
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    account_path = "enrollment__campaign__account"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | Q(undone_at__gte=F("at")), name="removal_undone_later"
            )
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id} at {self.at:%Y-%m-%d %H:%M}"
