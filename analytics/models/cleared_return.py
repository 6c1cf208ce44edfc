from django.db import models


class ClearedReturn(models.Model):
    """Deleted passages of contacts who had been in the same campaign before: the minutes of one and of the
    one before it, which decide whether a range counts their contact once or twice.

    Nobody is named: passages with the same four minutes are one row.
    """

    campaign_id = models.BigIntegerField()
    entered = models.DateTimeField()
    entered_before = models.DateTimeField(help_text="When the passage before it was entered")
    ended = models.DateTimeField()
    ended_before = models.DateTimeField()
    n = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign_id", "entered", "entered_before", "ended", "ended_before"],
                name="cleared_return_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.entered:%F %R} after {self.entered_before:%F %R} {self.n}"
