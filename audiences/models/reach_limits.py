from django.db import models
from django.db.models import F, Q


class ReachLimits(models.Model):
    """How often one home may be reached, where an account chose otherwise than `suppression`'s defaults."""

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="reach_limits")
    household_per_day = models.PositiveSmallIntegerField(help_text="touches in any 24 hours")
    household_per_week = models.PositiveSmallIntegerField(help_text="touches in any 7 days")

    class Meta:
        verbose_name_plural = "reach limits"
        constraints = [
            models.CheckConstraint(
                condition=Q(household_per_day__gte=1, household_per_day__lte=F("household_per_week")),
                name="reach_limits_order",
            )
        ]

    def __str__(self) -> str:
        return f"{self.household_per_day} a day, {self.household_per_week} a week"
