from django.db import models
from django.db.models import Q

from common import clock


class AudienceLook(models.Model):
    """How far a running campaign has looked again at who matches its audience; written with each slice.

    One row for who joins and one for who leaves: each look begins anew at the first id once it has ended.
    """

    class For(models.TextChoices):
        JOINERS = "joiners"
        LEAVERS = "leavers"

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="looks")
    purpose = models.CharField(max_length=7, choices=For)
    cursor = models.BigIntegerField(
        default=0, help_text="Last id looked at: contacts for joiners, enrollments for leavers"
    )
    began_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    broken_since = models.DateTimeField(
        null=True, blank=True, help_text="From when on the rules have had no meaning; null: they have one"
    )
    trouble = models.TextField(blank=True, default="", db_default="", help_text="Why they have none")

    account_path = "campaign__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "purpose"], name="audiencelook_once"),
            models.CheckConstraint(
                condition=Q(purpose__in=["joiners", "leavers"]), name="audiencelook_purpose"
            ),
            models.CheckConstraint(
                condition=Q(broken_since__isnull=True, trouble="")
                | Q(broken_since__isnull=False) & ~Q(trouble=""),
                name="audiencelook_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.purpose}"
