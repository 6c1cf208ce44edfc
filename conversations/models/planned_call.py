from django.db import models
from django.db.models import Q

from common import clock


class PlannedCall(models.Model):
    """Somebody who is to be called: by a person, out of the call queue, or by a script. Its tries are
    `Call`s.

    A campaign's belongs to one step for ever (`origin` = `step:<id>`), as a message does; one that a customer
    asked for by pressing 2 is `callback:<id of the call>`. Its state moves by conditional updates under its
    row lock, after those of household and address: see `conversations/planned_calls.py`. `taken_until` is on
    the database's real clock, all else on the product's clock.
    """

    class Mode(models.TextChoices):
        PERSON = "person", "By a person"
        SCRIPT = "script", "By a script"

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign"
        CALL_BACK = "call_back", "Asked for a call back"
        AGENT = "agent", "An agent’s own"

    class State(models.TextChoices):
        QUEUED = "queued"  # in the call queue, or before its next try
        TAKEN = "taken"  # an agent has it open
        CALLING = "calling"  # a try is in flight or going on
        UNKNOWN = "unknown"  # whether the provider took the try is not known
        CALLED = "called"  # over, with an outcome
        FAILED = "failed"  # could not be placed
        REJECTED = "rejected"  # the provider refused
        EXPIRED = "expired"  # its time was over
        CANCELLED = "cancelled"  # not placed, on purpose; `code` says why

    class Outcome(models.TextChoices):
        ANSWERED = "answered", "Answered"
        VOICEMAIL = "voicemail", "Left a voicemail"
        NO_ANSWER = "no_answer", "No answer"
        BUSY = "busy", "Busy"
        BOOKED = "booked", "Booked"
        CALL_BACK = "call_back", "Asked for a call back"

    OPEN = (State.QUEUED, State.TAKEN, State.CALLING, State.UNKNOWN)

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, db_index=False)
    lane = models.ForeignKey("conversations.Lane", on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE)
    address = models.ForeignKey("audiences.Address", on_delete=models.CASCADE)
    number = models.ForeignKey(
        "integrations.SendingNumber", on_delete=models.PROTECT, db_index=False,
        help_text="What the customer sees calling",
    )  # fmt: skip
    kind = models.CharField(max_length=9, choices=Kind)
    mode = models.CharField(max_length=6, choices=Mode)
    origin = models.CharField(max_length=64, null=True, blank=True)
    script = models.ForeignKey(
        "conversations.CallScript", null=True, blank=True, on_delete=models.PROTECT, db_index=False
    )
    variables = models.JSONField(null=True, blank=True, help_text="Merge fields as they were when planned")
    state = models.CharField(max_length=9, choices=State)
    state_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True, blank=True, help_text="Not before; null once out of the queue")
    send_by = models.DateTimeField(null=True, blank=True)
    unless_booked_since = models.DateTimeField(
        null=True, blank=True, help_text="Not called where a job was made since then; null: in any case"
    )
    tries = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Calls that were placed")
    first_accepted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the carrier took its first try"
    )
    outcome = models.CharField(max_length=9, choices=Outcome, blank=True, default="", db_default="")
    outcome_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    opted_out_at = models.DateTimeField(null=True, blank=True, help_text="The opt-out that answered it")
    taken_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    taken_until = models.DateTimeField(null=True, blank=True)
    rechecked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the source was last asked about its contact"
    )
    recheck_failed_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=40, blank=True, default="", db_default="")
    reason = models.CharField(max_length=300, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["origin"], name="plannedcall_origin"),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "queued", "taken", "calling", "unknown", "called", "failed", "rejected", "expired",
                        "cancelled",
                    ]
                ),
                name="plannedcall_state",
            ),
            models.CheckConstraint(condition=Q(mode__in=["person", "script"]), name="plannedcall_mode"),
            models.CheckConstraint(
                condition=Q(kind__in=["campaign", "call_back", "agent"]), name="plannedcall_kind"
            ),
            models.CheckConstraint(
                condition=Q(
                    outcome__in=["", "answered", "voicemail", "no_answer", "busy", "booked", "call_back"]
                ),
                name="plannedcall_outcome",
            ),
            models.CheckConstraint(
                condition=Q(state="called") ^ Q(outcome=""), name="plannedcall_called_has_outcome"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["queued", "taken"]) | Q(due_at__isnull=False),
                name="plannedcall_queued_is_due",
            ),
            # One agent has it, and only while it is taken or being called.
            models.CheckConstraint(
                condition=Q(taken_by__isnull=True, taken_until__isnull=True) | Q(taken_by__isnull=False),
                name="plannedcall_taken",
            ),
            models.CheckConstraint(
                condition=~Q(state="taken") | Q(taken_until__isnull=False), name="plannedcall_lease"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["lane"], name="plannedcall_lane"),
            models.Index(
                fields=["lane", "mode", "due_at"], name="plannedcall_queue",
                condition=Q(due_at__isnull=False),
            ),
            models.Index(fields=["account", "first_accepted_at"], name="plannedcall_account",
                condition=Q(first_accepted_at__isnull=False)),
            models.Index(
                fields=["taken_by"], name="plannedcall_taken_by", condition=Q(taken_by__isnull=False)
            ),
            # For the lists behind their numbers: by outcome, and the few with an opt-out.
            models.Index(fields=["lane", "outcome"], name="plannedcall_outcome", condition=~Q(outcome="")),
            models.Index(
                fields=["lane", "opted_out_at"], name="plannedcall_opted_out",
                condition=Q(opted_out_at__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mode} {self.state}"
