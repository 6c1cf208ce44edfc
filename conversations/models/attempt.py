import uuid

from django.db import models
from django.db.models import Q

from common import clock


class Attempt(models.Model):
    """One try to hand a message to the provider, written before the call.

    Its id travels in the StatusCallback URL. A second attempt exists only after proof that the first
    was not accepted.
    """

    class State(models.TextChoices):
        CALLING = "calling"
        ACCEPTED = "accepted"
        REFUSED = "refused"
        UNKNOWN = "unknown"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    message = models.ForeignKey(
        "conversations.Message", on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    try_number = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=State, default=State.CALLING)
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "try_number"], name="attempt_try"),
            models.UniqueConstraint(
                fields=["message"], condition=~Q(state="refused"), name="attempt_one_not_refused"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["calling", "accepted", "refused", "unknown"]), name="attempt_state"
            ),
        ]

    account_path = "message__account"

    def __str__(self) -> str:
        return str(self.id)
