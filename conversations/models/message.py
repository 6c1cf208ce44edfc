from django.db import models
from django.db.models import Q

from common import clock


class Message(models.Model):
    """One text or email, in or out. A campaign message belongs to one step for ever (`origin` = `step:<id>`).

    It is an email where it leaves from a mailbox of ours and not from a number. `state` moves forward only by
    conditional updates: see `conversations/delivery.py` for the ranks. `leased_until` and `claimed_at` are on
    the database's real clock, all else on the product's clock.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        CALLING = "calling"
        ACCEPTED = "accepted"
        SENT = "sent"
        DELIVERED = "delivered"
        FAILED = "failed"
        REJECTED = "rejected"
        EXPIRED = "expired"
        BOUNCED = "bounced"
        BLOCKED = "blocked"
        CANCELLED = "cancelled"
        UNKNOWN = "unknown"
        RECEIVED = "received"

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign"
        AGENT = "agent"
        AUTOMATIC = "automatic"
        INBOUND = "inbound"

    # Every index is paid at every write of this table. Foreign keys have one only where rows are sought by
    # them; what they name is never deleted while the product runs, users apart.
    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, db_index=False)
    lane = models.ForeignKey(
        "conversations.Lane", null=True, blank=True, on_delete=models.CASCADE, db_index=False
    )
    contact = models.ForeignKey("audiences.Contact", null=True, blank=True, on_delete=models.CASCADE)
    address = models.ForeignKey("audiences.Address", on_delete=models.CASCADE, db_index=False)
    number = models.ForeignKey(
        "integrations.SendingNumber", null=True, blank=True, on_delete=models.PROTECT, db_index=False
    )
    mailbox = models.ForeignKey(
        "integrations.SendingMailbox", null=True, blank=True, on_delete=models.PROTECT, db_index=False
    )
    kind = models.CharField(max_length=9, choices=Kind)
    origin = models.CharField(max_length=64, null=True, blank=True)
    template = models.ForeignKey(
        "conversations.MessageTemplate", null=True, blank=True, on_delete=models.PROTECT, db_index=False
    )
    variables = models.JSONField(null=True, blank=True, help_text="Merge fields as they were when queued")
    subject = models.CharField(
        max_length=300, null=True, blank=True, help_text="Of an email; written at the claim"
    )
    body = models.TextField(null=True, blank=True, help_text="Written at the claim; null before")
    segments = models.PositiveSmallIntegerField(default=1, db_default=1)
    state = models.CharField(max_length=9, choices=State)
    state_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True, blank=True, help_text="Not before; null once out of the queue")
    send_by = models.DateTimeField(null=True, blank=True)
    unless_booked_since = models.DateTimeField(
        null=True, blank=True, help_text="Not sent to whoever has a job made since then; null: to all"
    )
    rechecked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the source was last asked about its contact on its account"
    )
    recheck_failed_at = models.DateTimeField(
        null=True, blank=True, help_text="When that was tried and nobody answered"
    )
    leased_until = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(
        null=True, blank=True, help_text="Set while a call is in flight or its answer is lost; null else"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    replied_at = models.DateTimeField(null=True, blank=True, help_text="First reply to it that is no opt-out")
    opted_out_at = models.DateTimeField(null=True, blank=True, help_text="The opt-out that answered it")
    carries_link = models.BooleanField(
        default=False, db_default=False, help_text="With a short link of ours that counts who follows it"
    )
    clicked_at = models.DateTimeField(
        null=True, blank=True, help_text="First click of a person, no machine’s"
    )
    spam_reported_at = models.DateTimeField(
        null=True, blank=True, help_text="When whoever got this email called it spam"
    )
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text="End of the validity given to the provider"
    )
    provider = models.CharField(max_length=12, default="twilio", db_default="twilio")
    provider_id = models.CharField(max_length=64, null=True, blank=True)
    code = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="Provider's or our own reason code"
    )
    reason = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="The reason in plain words"
    )
    unknown_polls = models.PositiveSmallIntegerField(default=0, db_default=0)
    tells_opt_out = models.BooleanField(
        default=False, db_default=False, help_text="An automated text that says how to opt out"
    )
    replies_to = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replies", db_index=False
    )
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL, db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["origin"], name="message_origin"),
            models.UniqueConstraint(
                fields=["provider", "provider_id"],
                name="message_provider_id",
                condition=Q(provider_id__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "queued", "calling", "accepted", "sent", "delivered", "failed", "rejected",
                        "expired", "bounced", "blocked", "cancelled", "unknown", "received",
                    ]
                ),
                name="message_state",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["campaign", "agent", "automatic", "inbound"]), name="message_kind"
            ),
            models.CheckConstraint(
                condition=Q(number__isnull=False, mailbox__isnull=True)
                | Q(number__isnull=True, mailbox__isnull=False),
                name="message_sender",
            ),
            models.CheckConstraint(
                condition=Q(mailbox__isnull=True)
                | ~Q(state__in=["calling", "accepted", "sent", "delivered", "unknown"])
                | Q(subject__isnull=False),
                name="message_subject_before_call",
            ),
            models.CheckConstraint(
                condition=~Q(origin__startswith="confirm:") | Q(kind="automatic"), name="message_confirms"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["calling", "accepted", "sent", "delivered", "unknown"])
                | Q(body__isnull=False),
                name="message_body_before_call",
            ),
            models.CheckConstraint(
                condition=~Q(state="queued") | Q(due_at__isnull=False), name="message_queued_is_due"
            ),
            models.CheckConstraint(
                condition=Q(spam_reported_at__isnull=True) | Q(state="delivered"), name="message_spam_arrived"
            ),
        ]  # fmt: skip
        indexes = [
            # No index names `state`, in its predicate neither: what becomes of an accepted message is then
            # written in place (HOT), without touching one of them.
            # The sender's queue, lane by lane.
            models.Index(fields=["lane", "due_at"], name="message_queue", condition=Q(due_at__isnull=False)),
            # Emails alone, so that few of them are not sought among many texts.
            models.Index(
                fields=["lane", "mailbox", "due_at"],
                name="message_mailbox_queue",
                condition=Q(due_at__isnull=False, mailbox__isnull=False),
            ),
            # Calls in flight: a sweep finds the abandoned, polls resolve the unknown.
            models.Index(
                fields=["claimed_at"], name="message_in_flight", condition=Q(claimed_at__isnull=False)
            ),
            # What a campaign sent, for its reports and before it is paused or stopped.
            models.Index(
                fields=["lane", "accepted_at"], name="message_sent", condition=Q(accepted_at__isnull=False)
            ),
            # All that an account's campaigns sent, newest first, and what its numbers did today.
            models.Index(
                fields=["account", "accepted_at"],
                name="message_account_sent",
                condition=Q(accepted_at__isnull=False),
            ),
            # The few that no campaign sent: tests are sought among them.
            models.Index(
                fields=["lane"], name="message_apart", condition=~Q(kind="campaign") & Q(lane__isnull=False)
            ),
            # What people wrote themselves, for figures of a range.
            models.Index(
                fields=["account", "created_at"], name="message_of_people", condition=Q(kind="agent")
            ),
            models.Index(
                fields=["replies_to"], name="message_answers", condition=Q(replies_to__isnull=False)
            ),
            # The few that were answered, and those with an opt-out, for the lists behind their numbers.
            models.Index(
                fields=["lane", "replied_at"], name="message_replied", condition=Q(replied_at__isnull=False)
            ),
            models.Index(
                fields=["lane", "opted_out_at"],
                name="message_opted_out",
                condition=Q(opted_out_at__isnull=False),
            ),
            models.Index(
                fields=["lane", "clicked_at"], name="message_clicked", condition=Q(clicked_at__isnull=False)
            ),
            models.Index(fields=["by"], name="message_written_by", condition=Q(by__isnull=False)),
            # A phone's history, newest last: replies find what they answer, caps count touches.
            models.Index(fields=["address", "created_at"], name="message_history"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
