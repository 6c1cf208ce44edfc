"""What came with a customer's text: known at once, fetched after."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class ReceivedMedia(models.Model):
    """One attachment of an inbound text: a `file` once its bytes are here, or a `reason` why not."""

    account_path = "message__account"

    class State(models.TextChoices):
        WAITING = "waiting"
        FETCHED = "fetched"
        REFUSED = "refused"

    message = models.ForeignKey("conversations.Message", on_delete=models.CASCADE, related_name="attachments")
    position = models.PositiveSmallIntegerField()
    url = models.CharField(max_length=500)
    declared_type = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    file = models.ForeignKey(
        "conversations.MediaFile", null=True, blank=True, on_delete=models.PROTECT, db_index=False
    )
    reason = models.CharField(max_length=200, blank=True, default="")
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now(), help_text="On the database’s own clock")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "position"], name="receivedmedia_place"),
            models.CheckConstraint(
                condition=Q(state="waiting", file=None, reason="")
                | Q(state="fetched", file__isnull=False, reason="")
                | Q(state="refused", file=None) & ~Q(reason=""),
                name="receivedmedia_state",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], name="receivedmedia_waiting", condition=Q(state="waiting"))
        ]
        ordering = ["message_id", "position"]

    def __str__(self) -> str:
        return f"attachment {self.position} of {self.message_id}"
