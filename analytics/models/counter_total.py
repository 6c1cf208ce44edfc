from django.db import models


class CounterTotal(models.Model):
    """One counter for all time, without the deltas not yet squashed."""

    campaign_id = models.BigIntegerField()
    node_key = models.CharField(max_length=40, blank=True)
    column = models.CharField(max_length=60)
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign_id", "node_key", "column"], name="counter_total_key")
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.node_key}/{self.column} {self.n}"
