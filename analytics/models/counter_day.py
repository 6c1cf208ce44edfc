from django.db import models


class CounterDay(models.Model):
    """One counter of a campaign, all its nodes together, on one day of company time: the body of a range.

    None of the states in `counters.PASSING`. Rebuilt when the account's zone changes: its days begin at other
    instants then.
    """

    campaign_id = models.BigIntegerField()
    day = models.DateField()
    column = models.CharField(max_length=60)
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign_id", "day", "column"], name="counter_day_key")
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.column} {self.day} {self.n}"
