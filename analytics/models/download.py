"""Download: a file that somebody queued, from its queueing to its end."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from accounts.models import Account, Role, User
from common import clock

KEPT = timedelta(days=7)
EXCEL_ROWS = 1_048_575  # of one sheet, its head aside


class DownloadQuerySet(models.QuerySet["Download"]):
    """Questions about downloads."""

    def seen_by(self, user: User, role: str, account: Account) -> "DownloadQuerySet":
        """Those of the account that somebody may see and fetch: their own, or for an admin everybody's."""
        ours = self.filter(account=account)
        return ours if role == Role.ADMIN else ours.filter(requested_by=user)

    def waiting(self) -> "DownloadQuerySet":
        """Those that somebody still waits for."""
        return self.filter(state__in=Download.PENDING)

    def kept(self) -> "DownloadQuerySet":
        """Those whose file takes room."""
        return self.filter(state=Download.State.READY)


class Download(models.Model):
    """One file of the rows behind one figure or list, as `source` and `params` name them.

    Its rows are fixed when building begins (`as_of`): their keys lie in `DownloadSlice` rows until each is
    written. The file is `DownloadChunk` rows, kept for 7 days; afterwards the row stays and says so.
    `leased_until` and `served_at` are on the database's real clock, all else on the product's.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        BUILDING = "building", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"

    class Form(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel"

    PENDING = (State.QUEUED, State.BUILDING)

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="downloads")
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=clock.now)
    source = models.CharField(max_length=60, help_text="Name of a source in analytics/downloads/sources.py")
    params = models.JSONField(default=dict, help_text="What the source is asked for; texts only")
    digest = models.CharField(max_length=40, help_text="Of source, params and form: the same twice is one")
    title = models.CharField(max_length=300)
    form = models.CharField(max_length=4, choices=Form, default=Form.CSV)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0, help_text="Counts whoever took it; names its writer")
    broken_off = models.PositiveSmallIntegerField(default=0, help_text="Writers that never came back")
    leased_until = models.DateTimeField(null=True, blank=True)
    served_at = models.DateTimeField(null=True, blank=True, help_text="When a worker last took it up")
    begun_at = models.DateTimeField(null=True, blank=True)
    as_of = models.DateTimeField(null=True, blank=True, help_text="When its rows were fixed")
    total = models.PositiveIntegerField(null=True, blank=True, help_text="Rows to write; null until fixed")
    done = models.PositiveIntegerField(default=0, help_text="Rows looked at so far")
    rows = models.PositiveIntegerField(default=0, help_text="Rows written: those that were still there")
    bytes = models.PositiveBigIntegerField(default=0, help_text="Of the file, as it is fetched")
    worked_ms = models.PositiveBigIntegerField(default=0, help_text="Spent on its rows, waits aside")
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When its requester heard of its end")

    objects = DownloadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "building", "ready", "failed", "cancelled", "expired"]),
                name="download_state",
            ),
            models.CheckConstraint(condition=Q(form__in=["csv", "xlsx"]), name="download_form"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "building"], finished_at__isnull=True)
                | Q(state__in=["ready", "failed", "cancelled", "expired"], finished_at__isnull=False),
                name="download_ended",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ready", "expired"])
                | Q(total__isnull=False, as_of__isnull=False, done=F("total"), rows__lte=F("total")),
                name="download_whole",
            ),
            models.CheckConstraint(
                condition=Q(state="failed", error__gt="") | ~Q(state="failed"),
                name="download_failed_says_why",
            ),
            models.CheckConstraint(
                condition=Q(state="building") | Q(leased_until__isnull=True), name="download_leased"
            ),
            # Pressing a button twice queues one file.
            models.UniqueConstraint(
                fields=["account", "requested_by", "digest"],
                condition=Q(state__in=["queued", "building"]),
                name="download_waits_once",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-requested_at", "-id"], name="download_latest"),
            models.Index(
                fields=["served_at", "id"],
                name="download_to_make",
                condition=Q(state__in=["queued", "building"]),
            ),
            models.Index(fields=["finished_at"], name="download_expiry", condition=Q(state="ready")),
            models.Index(
                fields=["requested_by"],
                name="download_untold",
                condition=Q(state__in=["ready", "failed"], told_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def pending(self) -> bool:
        """Whether somebody still waits for it."""
        return self.state in self.PENDING

    @property
    def kept_until(self) -> datetime | None:
        """When its file goes."""
        return self.finished_at + KEPT if self.finished_at else None

    @property
    def per_second(self) -> float | None:
        """Rows a second while it was worked on; None before any."""
        return self.done / self.worked_ms * 1000 if self.done and self.worked_ms else None

    @property
    def seconds_left(self) -> float | None:
        """How long its rows still take at its pace so far; None before any is known."""
        if self.total is None or not self.per_second:
            return None
        return (self.total - self.done) / self.per_second
