"""ComplianceReport: an opt-out and consent report that somebody asked for, from its queueing to its end."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from common import clock

KEPT = timedelta(days=30)


class ComplianceReportQuerySet(models.QuerySet["ComplianceReport"]):
    """Questions about reports."""

    def unfinished(self) -> "ComplianceReportQuerySet":
        """Those that somebody still waits for."""
        return self.filter(state__in=[ComplianceReport.State.QUEUED, ComplianceReport.State.BUILDING])

    def expired(self, now: datetime) -> "ComplianceReportQuerySet":
        """Finished ones whose files are no longer kept."""
        return self.filter(state=ComplianceReport.State.FINISHED, finished_at__lte=now - KEPT)


class ComplianceReport(models.Model):
    """One report of one sending number or one campaign, for a range of days of company time.

    Its files are `ReportChunk` rows, kept for 30 days; afterwards the row stays, with the sums of its files.
    `leased_until` is on the database's real clock, all else on the product's.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        BUILDING = "building", "Being made"
        FINISHED = "finished", "Ready"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "No longer kept"

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="compliance_reports"
    )
    number = models.ForeignKey(
        "integrations.SendingNumber", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    first_day = models.DateField()
    last_day = models.DateField(help_text="Included")
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0, help_text="Opt-outs written so far")
    total = models.PositiveIntegerField(default=0, help_text="Opt-outs to write")
    pages = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    pdf_bytes = models.PositiveBigIntegerField(default=0)
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    csv_bytes = models.PositiveBigIntegerField(default=0)
    csv_sha256 = models.CharField(max_length=64, blank=True)
    error = models.CharField(max_length=300, blank=True)

    objects = ComplianceReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(number__isnull=False, campaign__isnull=True)
                | Q(number__isnull=True, campaign__isnull=False),
                name="compliance_report_of_one",
            ),
            models.CheckConstraint(condition=Q(first_day__lte=F("last_day")), name="compliance_report_range"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "building", "finished", "failed", "expired"]),
                name="compliance_report_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["finished", "expired"])
                | Q(finished_at__isnull=False) & ~Q(pdf_sha256="") & ~Q(csv_sha256=""),
                name="compliance_report_finished",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error=""), name="compliance_report_failed_says_why"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-requested_at"], name="compliance_report_latest"),
            models.Index(
                fields=["requested_at"],
                name="compliance_report_to_make",
                condition=Q(state__in=["queued", "building"]),
            ),
        ]

    def __str__(self) -> str:
        return f"Opt-out and consent report {self.pk}"

    @property
    def about(self) -> str:
        """The number's or the campaign's name."""
        return str(self.number or self.campaign)

    @property
    def pending(self) -> bool:
        """Whether somebody still waits for it."""
        return self.state in (self.State.QUEUED, self.State.BUILDING)

    @property
    def kept_until(self) -> datetime | None:
        """When its files go."""
        return self.finished_at + KEPT if self.finished_at else None

    def seconds_left(self, now: datetime) -> float | None:
        """How long it takes at its pace so far; None before anything is written."""
        if self.begun_at is None or not self.done:
            return None
        return max(0.0, (now - self.begun_at).total_seconds() / self.done * (self.total - self.done))
