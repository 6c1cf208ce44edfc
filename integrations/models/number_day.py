"""How many segments each number has handed over on each of the carrier's days."""

from django.db import models
from django.db.models import Q


class NumberDay(models.Model):
    """A small counter beside `NumberPace`: what lease and claim let go, less what was not taken after all.

    Days are the carrier's, which begin at midnight Pacific (`carrier_limits.carrier_day`).
    """

    number = models.ForeignKey(
        "integrations.SendingNumber", on_delete=models.CASCADE, related_name="days", db_index=False
    )
    day = models.DateField()
    segments = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["number", "day"], name="numberday_once"),
            models.CheckConstraint(condition=Q(segments__gte=0), name="numberday_not_negative"),
        ]

    account_path = "number__account"

    def __str__(self) -> str:
        return f"{self.segments} segments on {self.day}"
