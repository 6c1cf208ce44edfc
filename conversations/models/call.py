import uuid

from django.db import models
from django.db.models import Q

from common import clock


class Call(models.Model):
    """One phone call: one try of a planned call, or a customer's call to one of our numbers.

    A row is written, and committed, before the provider is asked; its `attempt` travels in every URL that
    the provider calls for it. A try is placed again only where the provider proved that it took nothing
    (`refused`). News comes in any order: `state` rises by rank, and within a leg by SequenceNumber. A call
    that an agent makes rings the agent first: `provider_id` is that leg, `customer_leg_id` the customer's.
    `claimed_at` is on the database's real clock, all else on the product's clock.
    """

    class Direction(models.TextChoices):
        OUT = "out"
        IN = "in"

    class State(models.TextChoices):
        CALLING = "calling"  # committed; the provider's answer is not here
        ACCEPTED = "accepted"  # the provider queued it
        RINGING = "ringing"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        BUSY = "busy"
        NO_ANSWER = "no_answer"
        FAILED = "failed"
        REJECTED = "rejected"
        CANCELLED = "cancelled"
        UNKNOWN = "unknown"  # perhaps taken; found again or given up
        REFUSED = "refused"  # proven not taken, for being too fast; the try is placed again

    LIVE = (State.CALLING, State.UNKNOWN, State.ACCEPTED, State.RINGING, State.IN_PROGRESS)

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, db_index=False)
    planned = models.ForeignKey(
        "conversations.PlannedCall", null=True, blank=True, on_delete=models.CASCADE, related_name="calls",
        db_index=False,
    )  # fmt: skip
    try_number = models.PositiveSmallIntegerField(default=1, db_default=1)
    attempt = models.UUIDField(default=uuid.uuid4, unique=True)
    direction = models.CharField(max_length=3, choices=Direction)
    contact = models.ForeignKey("audiences.Contact", null=True, blank=True, on_delete=models.CASCADE)
    address = models.ForeignKey("audiences.Address", on_delete=models.CASCADE, db_index=False)
    number = models.ForeignKey("integrations.SendingNumber", on_delete=models.PROTECT, db_index=False)
    by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False,
        help_text="The agent who called or took the call",
    )  # fmt: skip
    agent_phone = models.CharField(max_length=16, blank=True, default="", db_default="")
    state = models.CharField(max_length=11, choices=State)
    state_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True, help_text="When the carrier took it")
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When the customer's side answered")
    connected_at = models.DateTimeField(
        null=True, blank=True, help_text="When customer and agent or office could hear each other"
    )
    hang_up_at = models.DateTimeField(
        null=True, blank=True, help_text="When one of ours wished it ended; asked for until it is over"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="How long the customer's side lasted"
    )
    provider = models.CharField(max_length=12, default="twilio", db_default="twilio")
    provider_id = models.CharField(max_length=64, null=True, blank=True)
    customer_leg_id = models.CharField(max_length=64, null=True, blank=True)
    sequence = models.IntegerField(default=-1, db_default=-1, help_text="Last SequenceNumber applied")
    answered_by = models.CharField(max_length=20, blank=True, default="", db_default="")
    digits = models.CharField(max_length=20, blank=True, default="", db_default="")
    outcome = models.CharField(max_length=9, blank=True, default="", db_default="")
    transferred_at = models.DateTimeField(null=True, blank=True, help_text="When a transfer began to ring")
    abandoned_at = models.DateTimeField(
        null=True, blank=True, help_text="When a person had answered and for 2 s had nobody to talk to"
    )
    opted_out_at = models.DateTimeField(null=True, blank=True, help_text="The opt-out made on this call")
    booked_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True, default="", db_default="")
    recording_id = models.CharField(max_length=64, blank=True, default="", db_default="")
    recording_seconds = models.PositiveIntegerField(null=True, blank=True)
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text="After this an unknown call has certainly not been placed"
    )
    code = models.CharField(max_length=40, blank=True, default="", db_default="")
    reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    keys_read_at = models.DateTimeField(
        null=True, blank=True, help_text="When the provider was asked for keys that nobody here had heard"
    )
    keys_broke_at = models.DateTimeField(
        null=True, blank=True, help_text="When what it pressed could last not be acted upon"
    )
    unknown_polls = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            # One call for one try, for ever; a try that was proven not taken may be placed again.
            models.UniqueConstraint(
                fields=["planned", "try_number"], name="call_one_per_try", condition=~Q(state="refused")
            ),
            # One at a time.
            models.UniqueConstraint(
                fields=["planned"], name="call_one_live",
                condition=Q(state__in=["calling", "unknown", "accepted", "ringing", "in_progress"]),
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_id"], name="call_provider_id",
                condition=Q(provider_id__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "calling", "accepted", "ringing", "in_progress", "completed", "busy", "no_answer",
                        "failed", "rejected", "cancelled", "unknown", "refused",
                    ]
                ),
                name="call_state",
            ),
            models.CheckConstraint(condition=Q(direction__in=["out", "in"]), name="call_direction"),
            models.CheckConstraint(
                condition=Q(direction="out") | Q(planned__isnull=True), name="call_inbound_unplanned"
            ),
            models.CheckConstraint(
                condition=Q(
                    outcome__in=["", "answered", "voicemail", "no_answer", "busy", "booked", "call_back"]
                ),
                name="call_outcome",
            ),
            models.CheckConstraint(
                condition=Q(connected_at__isnull=True) | Q(answered_at__isnull=False),
                name="call_connected_answered",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["claimed_at"], name="call_in_flight", condition=Q(claimed_at__isnull=False)),
            models.Index(fields=["account", "created_at"], name="call_of_account"),
            # What the carrier took, for the lists behind numbers.
            models.Index(
                fields=["account", "accepted_at"], name="call_accepted",
                condition=Q(accepted_at__isnull=False),
            ),
            models.Index(fields=["address", "created_at"], name="call_history"),
            models.Index(
                fields=["customer_leg_id"], name="call_customer_leg",
                condition=Q(customer_leg_id__isnull=False),
            ),
            models.Index(
                fields=["number", "state"], name="call_live_of_number",
                condition=Q(state__in=["calling", "unknown", "accepted", "ringing", "in_progress"]),
            ),
            # The few that had nobody to talk to: their campaigns alone are judged.
            models.Index(
                fields=["abandoned_at"], name="call_abandoned", condition=Q(abandoned_at__isnull=False)
            ),
            models.Index(
                fields=["ended_at"], name="call_keys_unread",
                condition=Q(
                    keys_read_at__isnull=True, answered_at__isnull=False, ended_at__isnull=False,
                    direction="out", agent_phone="",
                ),
            ),
            models.Index(
                fields=["ended_at"], name="call_callers_keys_unread",
                condition=Q(
                    keys_read_at__isnull=True, ended_at__isnull=False, direction="in", digits=""
                ),
            ),
            models.Index(fields=["by"], name="call_by", condition=Q(by__isnull=False)),
            models.Index(fields=["planned"], name="call_of_planned", condition=Q(planned__isnull=False)),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.direction} {self.state}"
