from django.db import models


class CounterBaseline(models.Model):
    """What deleted rows counted, in one minute: a counter equals its rows plus this.

    The column `contacts_reached` alone is no counter: how many distinct contacts texts of deleted passages
    had reached at a node, of no particular minute.
    """

    campaign_id = models.BigIntegerField()
    node_key = models.CharField(max_length=40, blank=True)
    column = models.CharField(max_length=60)
    minute = models.DateTimeField()
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign_id", "node_key", "column", "minute"], name="counter_baseline_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.node_key}/{self.column} {self.minute:%F %R} {self.n}"
