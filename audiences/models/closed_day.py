from django.db import models
from django.db.models import Q


class ClosedDay(models.Model):
    """One day on which an account's office is closed, whatever weekday it is."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="closed_days")
    day = models.DateField()
    name = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="closed_day_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="closed_day_named"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.day:%b} {self.day.day}, {self.day.year}"
