"""That campaigns rest for the customers of one business unit: on a storm day its people have other work."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from common import clock


class UnitPauseQuerySet(models.QuerySet["UnitPause"]):
    """Questions about pauses of business units."""

    def in_force(self, now: datetime) -> "UnitPauseQuerySet":
        """Those that hold somebody now."""
        return self.filter(lifted_at=None).filter(Q(until=None) | Q(until__gt=now))


class UnitPause(models.Model):
    """One pause: the claim asks for it. A customer is of the business unit of their latest job."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="unit_pauses")
    business_unit = models.ForeignKey("accounts.BusinessUnit", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=200, blank=True, default="")
    until = models.DateTimeField(null=True, blank=True, help_text="Blank: until somebody resumes")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = UnitPauseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business_unit"], condition=Q(lifted_at=None), name="unitpause_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=F("at")), name="unitpause_ends_after_it_began"
            ),
        ]
        indexes = [models.Index(fields=["account", "-at"], name="unitpause_history")]

    def __str__(self) -> str:
        return f"{self.business_unit} paused at {self.at:%Y-%m-%d %H:%M}"
