from django.db import models


class CounterMinute(models.Model):
    """One counter in one minute: the edges of a range."""

    campaign_id = models.BigIntegerField()
    node_key = models.CharField(max_length=40, blank=True)
    column = models.CharField(max_length=60)
    minute = models.DateTimeField()
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign_id", "node_key", "column", "minute"], name="counter_minute_key"
            )
        ]
        indexes = [models.Index(fields=["minute"], name="counter_minute_at")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.node_key}/{self.column} {self.minute:%F %R} {self.n}"
