import uuid

from django.db import models
from django.db.models import Q

from common import clock


class Campaign(models.Model):
    """One launch: workflow version + audience + sending number + targeting filters + times."""

    class Status(models.TextChoices):
        CREATED = "created"
        SCHEDULED = "scheduled"
        ACTIVE = "active"
        PAUSED = "paused"
        COMPLETED = "completed"

    class Again(models.TextChoices):
        """Whether somebody whose passage has ended may enter once more."""

        NEVER = "never"
        AFTER_DAYS = "after_days"
        EACH_OCCURRENCE = "occurrence"

    class Repeats(models.TextChoices):
        """In what time a recurring campaign comes round again."""

        DAYS = "days"
        WEEKS = "weeks"
        MONTHS = "months"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="campaigns")
    playbook = models.ForeignKey("campaigns.Playbook", null=True, blank=True, on_delete=models.SET_NULL)
    name = models.CharField(max_length=160)
    version = models.ForeignKey(
        "campaigns.WorkflowVersion", on_delete=models.PROTECT, related_name="campaigns"
    )
    audience = models.ForeignKey("audiences.Audience", on_delete=models.PROTECT, related_name="campaigns")
    number = models.ForeignKey(
        "integrations.SendingNumber", on_delete=models.PROTECT, related_name="campaigns"
    )
    window = models.ForeignKey(
        "audiences.SendWindow", null=True, blank=True, on_delete=models.PROTECT,
        help_text="Blank: the account's, as it is at the moment",
    )  # fmt: skip
    lane = models.OneToOneField("conversations.Lane", null=True, blank=True, on_delete=models.PROTECT)
    status = models.CharField(max_length=9, choices=Status, default=Status.CREATED)
    targeting = models.JSONField(
        default=dict, blank=True, help_text="Further audience rules, frozen at launch"
    )
    audience_rules = models.JSONField(default=dict, blank=True, help_text="The audience's rules as launched")
    starts_at = models.DateTimeField(null=True, blank=True)
    launch_token = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="A second click finds the first launch"
    )
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    launched_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    launched_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    credit_window_days = models.PositiveSmallIntegerField(default=30)
    send_by_hours = models.PositiveSmallIntegerField(default=72)
    leaves_booked = models.BooleanField(
        default=True, db_default=True, help_text="Who has a new job since entering leaves"
    )
    leaves_replied = models.BooleanField(default=False, db_default=False, help_text="Who replies leaves")
    leaves_audience = models.BooleanField(
        default=False, db_default=False, help_text="Who no longer matches the audience leaves"
    )
    joins_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then who comes to match enters, and the campaign stays active"
    )
    again = models.CharField(max_length=10, choices=Again, default=Again.NEVER, db_default="never")
    again_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Days since the last passage ended"
    )

    held_until = models.DateTimeField(
        null=True, blank=True, help_text="Nothing enters before, so that the launch can be undone"
    )
    typed = models.JSONField(
        default=dict, db_default={}, blank=True,
        help_text="What was typed in the creation modal: an undone launch gives it back",
    )  # fmt: skip
    first_day = models.DateField(
        null=True,
        blank=True,
        help_text="With `first_minute`: what clocks show when it starts, where that counts",
    )
    first_minute = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of the day")
    local_time = models.BooleanField(
        default=False, db_default=False, help_text="By the clocks where each contact lives"
    )
    repeats = models.CharField(max_length=6, choices=Repeats, blank=True, default="", db_default="")
    repeats_every = models.PositiveSmallIntegerField(default=1, db_default=1)
    repeats_until = models.DateTimeField(
        null=True, blank=True, help_text="No occurrence begins from then on; active until then"
    )
    canary_people = models.PositiveIntegerField(
        null=True, blank=True, help_text="So many go first, the others after them; or so many in a hundred:"
    )
    canary_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    canary_minutes = models.PositiveSmallIntegerField(
        default=30, db_default=30, help_text="Between what the first ones got and the others’ turn"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(first_day__isnull=True, first_minute__isnull=True, local_time=False, repeats="")
                | Q(first_day__isnull=False, first_minute__isnull=False, first_minute__lt=1440),
                name="campaign_clock",
            ),
            models.CheckConstraint(
                condition=Q(repeats="", repeats_until__isnull=True)
                | Q(
                    repeats__in=["days", "weeks", "months"], repeats_until__isnull=False, repeats_every__gte=1
                ),
                name="campaign_repeats",
            ),
            models.CheckConstraint(
                condition=Q(canary_people__isnull=True)
                | Q(canary_percent__isnull=True, canary_people__gte=1),
                name="campaign_canary",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["created", "scheduled", "active", "paused", "completed"]),
                name="campaign_status",
            ),
            models.CheckConstraint(
                condition=Q(status="created") | Q(lane__isnull=False, launched_at__isnull=False),
                name="campaign_launched",
            ),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True) | Q(status="completed"), name="campaign_stopped"
            ),
            models.CheckConstraint(
                condition=Q(again__in=["never", "occurrence"], again_days__isnull=True)
                | Q(again="after_days", again_days__isnull=False, again_days__gte=1),
                name="campaign_again",
            ),
            models.CheckConstraint(condition=Q(send_by_hours__gte=1), name="campaign_send_by"),
        ]
        indexes = [models.Index(fields=["account", "status"], name="campaign_by_status")]

    def __str__(self) -> str:
        return self.name
