from django.db import models
from django.db.models import Q

from common import clock
from conversations.reader.classifier import LABELS


class ReadingCorrection(models.Model):
    """An agent's word on how a reply should have been read. Kept for ever, unchanged: a trigger sees to it,
    and later readers learn from it."""

    message = models.ForeignKey(
        "conversations.Message", on_delete=models.PROTECT, related_name="reading_corrections"
    )
    was = models.CharField(max_length=20, help_text="the label before")
    now = models.CharField(max_length=20, help_text="the label from then on")
    by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT)
    at = models.DateTimeField(default=clock.now)

    account_path = "message__account"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(now__in=LABELS), name="reading_correction_now"),
        ]

    def __str__(self) -> str:
        return f"{self.was} → {self.now}"
