from django.db import models
from django.db.models import F, Q


class BusinessDay(models.Model):
    """Business hours on one weekday (Monday = 0), in minutes of the account's local day; no row is closed."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="business_days")
    weekday = models.PositiveSmallIntegerField()
    opens_minute = models.PositiveSmallIntegerField()
    closes_minute = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "weekday"], name="business_day_unique"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="business_day_weekday"),
            models.CheckConstraint(
                condition=Q(opens_minute__lt=F("closes_minute"), closes_minute__lte=24 * 60),
                name="business_day_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weekday}: {self.opens_minute}–{self.closes_minute}"
