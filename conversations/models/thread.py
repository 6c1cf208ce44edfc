from django.db import models
from django.db.models import Q

from common import clock


class Thread(models.Model):
    """Everything said with one contact on one address. Made by the first reply, or by an agent.

    On a phone it has the number of ours that answers leave from, on a mailbox our own mailbox.
    """

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="threads", db_index=False
    )
    contact = models.ForeignKey(
        "audiences.Contact", on_delete=models.CASCADE, related_name="threads", db_index=False
    )
    address = models.ForeignKey("audiences.Address", on_delete=models.CASCADE, related_name="threads")
    number = models.ForeignKey(
        "integrations.SendingNumber", null=True, blank=True, on_delete=models.PROTECT, db_index=False
    )
    mailbox = models.ForeignKey(
        "integrations.SendingMailbox", null=True, blank=True, on_delete=models.PROTECT, db_index=False
    )
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    closed_reason = models.CharField(max_length=40, blank=True)
    needs_reply = models.BooleanField(default=False)
    escalated_reason = models.CharField(max_length=200, blank=True)
    assigned_to = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    created_at = models.DateTimeField(default=clock.now)
    last_message_at = models.DateTimeField(default=clock.now)
    last_inbound_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact", "address"], name="thread_contact_address"),
            models.CheckConstraint(condition=Q(state__in=["open", "closed"]), name="thread_state"),
            models.CheckConstraint(
                condition=Q(number__isnull=False, mailbox__isnull=True)
                | Q(number__isnull=True, mailbox__isnull=False),
                name="thread_sender",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-last_message_at"], name="thread_inbox"),
            models.Index(
                fields=["account", "last_inbound_at"],
                name="thread_needs_reply",
                condition=Q(needs_reply=True),
            ),
            models.Index(
                fields=["account", "last_inbound_at"],
                name="thread_escalated",
                condition=Q(needs_reply=True) & ~Q(escalated_reason=""),
            ),
            # The folders of work still to do, in their order, however much was done before.
            models.Index(
                fields=["account", "-last_message_at"], name="thread_open", condition=Q(state="open")
            ),
            models.Index(
                fields=["assigned_to", "-last_message_at"],
                name="thread_of_person",
                condition=Q(state="open", assigned_to__isnull=False),
            ),
            models.Index(
                fields=["assigned_to"], name="thread_assigned", condition=Q(assigned_to__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} at {self.address_id}"

    @property
    def is_email(self) -> bool:
        """Whether it is on a mailbox."""
        return self.mailbox_id is not None

    @property
    def latest(self) -> str:
        """Names the customer's latest message: what somebody acts upon who has read this far."""
        return self.last_inbound_at.isoformat() if self.last_inbound_at else ""
