from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class CallSettings(models.Model):
    """How an account calls. An account without a row calls as the defaults say.

    The office line is what rings where somebody wants to talk and nobody of ours takes the call.
    """

    class Transfer(models.TextChoices):
        OFFICE = "office", "The office line"
        AGENTS = "agents", "Available agents"
        AGENTS_THEN_OFFICE = "both", "Available agents, then the office line"

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="call_settings")
    office_line = models.CharField(max_length=16, blank=True, default="", help_text="E.164")
    transfer_to = models.CharField(max_length=6, choices=Transfer, default=Transfer.OFFICE)
    ring_seconds = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(15), MaxValueValidator(60)],
        help_text="Transfers and customers' calls; at least 15 s: 16 CFR 310.4(b)(4)",
    )  # fmt: skip
    most_at_once = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Scripted calls going on at once",
    )  # fmt: skip
    per_second = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(30)],
        help_text="Calls placed a second: 1 unless the provider approved more",
    )  # fmt: skip
    records = models.BooleanField(default=False)
    recording_notice = models.CharField(
        max_length=200, default="This call may be recorded.",
        help_text="Said first where calls are recorded, as two-party states want",
    )  # fmt: skip
    missed_words = models.CharField(
        max_length=300, blank=True,
        default="Sorry, nobody can take your call now. Please leave a message after the tone.",
        help_text="Said to a customer whose call nobody takes",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ring_seconds__range=(15, 60)), name="callsettings_ring"),
            models.CheckConstraint(condition=Q(most_at_once__range=(1, 100)), name="callsettings_at_once"),
            models.CheckConstraint(condition=Q(per_second__range=(1, 30)), name="callsettings_pace"),
            models.CheckConstraint(
                condition=Q(transfer_to__in=["office", "agents", "both"]), name="callsettings_transfer"
            ),
        ]

    def __str__(self) -> str:
        return f"Calls of {self.account}"
