from django.db import models
from django.db.models import Value


class ReceivedEmail(models.Model):
    """What an email to us has besides its message, whose `body` is what its writer added to the quoted
    rest."""

    message = models.OneToOneField(
        "conversations.Message", on_delete=models.CASCADE, primary_key=True, related_name="email"
    )
    internet_id = models.CharField(max_length=998, help_text="Its Message-ID, which our answer names")
    whole = models.TextField(help_text="All of its text, quotations and signature included; cut at 100,000")
    attachments = models.JSONField(
        default=list, db_default=Value([], models.JSONField()),
        help_text="Name, type and size of each: noted, not kept",
    )  # fmt: skip
    unproven = models.BooleanField(
        default=False, db_default=False, help_text="The sender's domain denies having sent it"
    )

    account_path = "message__account"

    def __str__(self) -> str:
        return self.internet_id
