"""The mailboxes that accounts send emails from."""

from django.db import models
from django.db.models import Q

from common import clock


class SendingMailboxQuerySet(models.QuerySet["SendingMailbox"]):
    """Questions asked of sending mailboxes."""

    def of(self, account_id: int) -> "SendingMailbox | None":
        """The mailbox that an account's emails leave from now, or None where there is none."""
        return self.filter(account_id=account_id, active=True).first()


class SendingMailbox(models.Model):
    """What stands in an email's From line, and how fast emails may leave from it. Answers go there, too.

    `tat` is its pace, as `NumberPace.tat` is a number's, on the database's real clock. What is written below
    every email, the postal address, belongs to the sender: it is whose mail it is.
    """

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="sending_mailboxes", db_index=False
    )
    connection = models.ForeignKey(
        "integrations.Connection", on_delete=models.PROTECT, related_name="sending_mailboxes"
    )
    email = models.CharField(max_length=254)
    name = models.CharField(max_length=80, blank=True, default="")
    postal_address = models.CharField(max_length=200, blank=True, default="")
    emails_per_second = models.PositiveIntegerField(default=50)
    active = models.BooleanField(default=True)
    tat = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = SendingMailboxQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account"], name="sendingmailbox_once_per_account"),
            models.CheckConstraint(
                condition=Q(email__regex=r"^[^@\s]+@[^@\s]+$"), name="sendingmailbox_email"
            ),
            models.CheckConstraint(condition=Q(emails_per_second__gt=0), name="sendingmailbox_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email
