from django.db import models
from django.db.models import F, Q

HOUSEHOLD_PER_DAY, HOUSEHOLD_PER_WEEK = 2, 6
"""Touches one home may have unless an account sets others: in any 24 hours, in any 7 days."""
MOST_PER_DAY, MOST_PER_WEEK = 3, 21


class ReachLimits(models.Model):
    """How far an account keeps within what everybody must keep to; without a row the defaults hold."""

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="reach_limits")
    household_per_day = models.PositiveSmallIntegerField(
        default=HOUSEHOLD_PER_DAY, help_text="touches in any 24 hours"
    )
    household_per_week = models.PositiveSmallIntegerField(
        default=HOUSEHOLD_PER_WEEK, help_text="touches in any 7 days"
    )
    texts_need_consent = models.BooleanField(
        default=False, help_text="campaigns text only phones with a recorded written consent"
    )

    class Meta:
        verbose_name_plural = "reach limits"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    household_per_day__gte=1,
                    household_per_day__lte=F("household_per_week"),
                )
                & Q(household_per_day__lte=MOST_PER_DAY, household_per_week__lte=MOST_PER_WEEK),
                name="reach_limits_order",
            )
        ]

    def __str__(self) -> str:
        return f"{self.household_per_day} a day, {self.household_per_week} a week"
