"""The one further try of a message whose delivery failed for a passing reason."""

from django.db import models
from django.db.models import F, Q

from common import clock


class SecondTry(models.Model):
    """At most one per message, for ever. Until `due_at` the message keeps the status its failure gave it.

    `without_media` sends the words alone, because the pictures were what failed.
    """

    account_path = "message__account"

    message = models.OneToOneField(
        "conversations.Message", on_delete=models.CASCADE, related_name="second_try"
    )
    code = models.CharField(max_length=40)
    without_media = models.BooleanField(default=False)
    planned_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    begun = models.BooleanField(default=False, help_text="Done by queueing it again, not by giving it up")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(due_at__gte=F("planned_at")), name="secondtry_comes_later"),
            models.CheckConstraint(
                condition=Q(begun=False) | Q(done_at__isnull=False), name="secondtry_begun"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="secondtry_due", condition=Q(done_at=None))]

    def __str__(self) -> str:
        return f"again after {self.code}"
