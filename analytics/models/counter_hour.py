from django.db import models


class CounterHour(models.Model):
    """One counter in one hour (UTC): the body of a range."""

    campaign_id = models.BigIntegerField()
    node_key = models.CharField(max_length=40, blank=True)
    column = models.CharField(max_length=60)
    hour = models.DateTimeField()
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign_id", "node_key", "column", "hour"], name="counter_hour_key"
            )
        ]
        indexes = [models.Index(fields=["hour"], name="counter_hour_at")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.node_key}/{self.column} {self.hour:%F %R} {self.n}"
