from django.db import models


class CounterMonth(models.Model):
    """The days of one month of company time, summed: what a year is read from."""

    campaign_id = models.BigIntegerField()
    month = models.DateField(help_text="Its first day")
    column = models.CharField(max_length=60)
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign_id", "month", "column"], name="counter_month_key")
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.column} {self.month:%Y-%m} {self.n}"
