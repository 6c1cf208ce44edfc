from django.db import models


class CounterDelta(models.Model):
    """A signed change of one counter at one minute, appended by triggers in the writer's own transaction.

    `node_key` is blank for counters of the campaign as a whole. `squash` folds rows into totals and
    cells and deletes them.
    """

    campaign_id = models.BigIntegerField()
    node_key = models.CharField(max_length=40, blank=True)
    column = models.CharField(max_length=60)
    minute = models.DateTimeField()
    n = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.node_key}/{self.column} {self.n:+}"
