from django.db import models
from django.db.models import F, Q

from common import clock


class Booking(models.Model):
    """Our request to book. `external_id` is ours and never changes, so a repeated request finds the first."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        SENT = "sent"
        ACCEPTED = "accepted"
        CONVERTED = "converted"
        DISMISSED = "dismissed"
        FAILED = "failed"

    class Way(models.TextChoices):
        """How ServiceTitan is asked; decided before it is asked for the first time, and kept once it was
        asked for a booking."""

        UNDECIDED = "undecided"
        REQUEST = "request"  # a booking, which the office makes a job
        JOB = "job"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="bookings")
    external_id = models.CharField(max_length=64)
    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, related_name="bookings")
    enrollment = models.ForeignKey("campaigns.Enrollment", null=True, blank=True, on_delete=models.SET_NULL)
    step = models.OneToOneField("campaigns.Step", null=True, blank=True, on_delete=models.SET_NULL)
    thread = models.ForeignKey("conversations.Thread", null=True, blank=True, on_delete=models.SET_NULL)
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL)
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit", null=True, blank=True, on_delete=models.SET_NULL
    )
    job_type = models.ForeignKey("audiences.JobType", null=True, blank=True, on_delete=models.SET_NULL)
    summary = models.TextField(blank=True)
    # The release before this one made requests only, and names no way.
    way = models.CharField(max_length=9, choices=Way, default=Way.UNDECIDED, db_default=Way.REQUEST)
    why_request = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Why no job, where the account allows that"
    )
    starts_at = models.DateTimeField(null=True, blank=True, help_text="Arrival window of the job asked for")
    ends_at = models.DateTimeField(null=True, blank=True)
    servicetitan_location_id = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    state_at = models.DateTimeField(default=clock.now)
    requested_at = models.DateTimeField(default=clock.now)
    next_try_at = models.DateTimeField(
        null=True, blank=True, help_text="On the real clock; null when settled"
    )
    tries = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    servicetitan_id = models.BigIntegerField(null=True, blank=True)
    job = models.ForeignKey("audiences.Job", null=True, blank=True, on_delete=models.SET_NULL)
    servicetitan_job_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "external_id"], name="booking_external_id"),
            models.CheckConstraint(
                condition=Q(state__in=["requested", "sent", "accepted", "converted", "dismissed", "failed"]),
                name="booking_state",
            ),
            models.CheckConstraint(condition=Q(way__in=["undecided", "request", "job"]), name="booking_way"),
            models.CheckConstraint(
                condition=~Q(way="job")
                | Q(
                    starts_at__isnull=False,
                    ends_at__isnull=False,
                    ends_at__gt=F("starts_at"),
                    servicetitan_location_id__isnull=False,
                ),
                name="booking_job_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state="converted") | Q(servicetitan_job_id__isnull=False), name="booking_has_job"
            ),
        ]
        indexes = [
            # Attribution asks from the job's side.
            models.Index(fields=["account", "servicetitan_id"], name="booking_servicetitan"),
            models.Index(fields=["account", "servicetitan_job_id"], name="booking_servicetitan_job"),
            models.Index(fields=["next_try_at"], name="booking_due", condition=Q(next_try_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.external_id
