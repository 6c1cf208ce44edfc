from django.db import models
from django.db.models import F, Q


class Opening(models.Model):
    """One stretch of time in which a zone set may be reached inside a window: [opens_at, closes_at)."""

    class Medium(models.TextChoices):
        TEXT = "text"
        CALL = "call"

    zone_set = models.ForeignKey("audiences.ZoneSet", on_delete=models.CASCADE)
    window = models.ForeignKey("audiences.SendWindow", on_delete=models.CASCADE)
    medium = models.CharField(max_length=4, choices=Medium)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["zone_set", "window", "medium", "closes_at"], name="opening_unique"
            ),
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="opening_order"),
        ]

    def __str__(self) -> str:
        return f"{self.opens_at:%Y-%m-%d %H:%M}–{self.closes_at:%H:%M}"
