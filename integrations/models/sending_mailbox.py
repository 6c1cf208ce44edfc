"""The mailboxes that accounts send emails from."""

from django.db import models
from django.db.models import F, Q

from common import clock


class SendingMailboxQuerySet(models.QuerySet["SendingMailbox"]):
    """Questions asked of sending mailboxes."""

    def of(self, account_id: int, business_unit_id: int | None = None) -> "SendingMailbox | None":
        """The mailbox that an account's emails leave from now, those of a business unit from its own where it
        has one that is active; None where there is none."""
        whose = Q(business_unit=None)
        if business_unit_id is not None:
            whose |= Q(business_unit=business_unit_id)
        found = self.filter(whose, account_id=account_id, active=True)
        return found.order_by(F("business_unit").asc(nulls_last=True)).first()

    def default_of(self, account_id: int) -> "SendingMailbox | None":
        """The account's own, active or not."""
        return self.filter(account_id=account_id, business_unit=None).first()


class SendingMailbox(models.Model):
    """A sender identity: what stands in an email's From line, where answers go, how fast emails may leave.

    An account has one of its own, and one for each business unit that wants to be known by another name.
    `tat` is its pace, as `NumberPace.tat` is a number's, on the database's real clock. What is written below
    every email, the postal address, belongs to the sender: it is whose mail it is.
    """

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="sending_mailboxes", db_index=False
    )
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="sending_mailboxes",
        help_text="Blank: the account's own, for all that have none",
    )
    connection = models.ForeignKey(
        "integrations.Connection", on_delete=models.PROTECT, related_name="sending_mailboxes"
    )
    email = models.CharField(max_length=254)
    name = models.CharField(max_length=80, blank=True, default="")
    reply_to = models.CharField(
        max_length=254, blank=True, default="", db_default="", help_text="Blank: answers go to `email`"
    )
    postal_address = models.CharField(max_length=200, blank=True, default="")
    emails_per_second = models.PositiveIntegerField(default=50)
    active = models.BooleanField(default=True)
    tat = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = SendingMailboxQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(business_unit=None), name="sendingmailbox_one_default"
            ),
            models.UniqueConstraint(
                fields=["account", "business_unit"],
                condition=Q(business_unit__isnull=False),
                name="sendingmailbox_one_per_unit",
            ),
            models.CheckConstraint(
                condition=Q(email__regex=r"^[^@\s]+@[^@\s]+$"), name="sendingmailbox_email"
            ),
            models.CheckConstraint(
                condition=Q(reply_to="") | Q(reply_to__regex=r"^[^@\s]+@[^@\s]+$"),
                name="sendingmailbox_reply_to",
            ),
            models.CheckConstraint(condition=Q(emails_per_second__gt=0), name="sendingmailbox_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email
