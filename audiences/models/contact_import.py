"""ContactImport: one file of contacts, from its upload to its end and, where somebody wants it, back out."""

from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from common import clock

ROWS_KEPT = timedelta(days=90)
"""How long the rows that made no contact are kept: long enough to correct them, and no longer, for they hold
names and phones of people whom nobody took in."""


class ContactImportQuerySet(models.QuerySet["ContactImport"]):
    """Questions about imports."""

    def running(self) -> "ContactImportQuerySet":
        """Confirmed, and not at their end."""
        return self.filter(confirmed_at__isnull=False, finished_at=None, cancelled_at=None, failed_at=None)

    def to_undo(self) -> "ContactImportQuerySet":
        """Those whose new contacts somebody wants gone, until they are."""
        return self.filter(undo_asked_at__isnull=False, undone_at=None)

    def with_expired_rows(self, now: datetime) -> "ContactImportQuerySet":
        """Those whose rows that made no contact have been kept for long enough."""
        ended = Q(finished_at__lte=now - ROWS_KEPT) | Q(cancelled_at__lte=now - ROWS_KEPT)
        kept = apps.get_model("audiences", "ContactImportRow")._default_manager
        return self.filter(ended, Exists(kept.filter(of=OuterRef("pk"))))

    def abandoned(self, before: datetime) -> "ContactImportQuerySet":
        """Drafts that nobody confirmed, uploaded before this."""
        return self.filter(confirmed_at=None, uploaded_at__lt=before)


class ContactImport(models.Model):
    """A file is a draft until somebody has said what its columns mean; then its pieces are taken in.

    Of the rows taken in, each counts once: added, updated, merged, unchanged, repeated or rejected.
    """

    class Ground(models.TextChoices):
        """On what ground these people may be texted, as whoever imports them says."""

        CUSTOMERS = "customers", "They are our customers, without a written consent"
        TEXTS = "texts", "Each agreed in writing to texts"
        CALLS = "calls", "Each agreed in writing to texts and recorded calls"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="contact_imports")
    name = models.CharField(max_length=160, help_text="The file's")
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL)
    uploaded_at = models.DateTimeField(default=clock.now)
    token = models.UUIDField(null=True, blank=True, help_text="Names one opening of the form it came with")
    delimiter = models.CharField(max_length=1, default=",")
    encoding = models.CharField(max_length=10, default="utf-8-sig")
    names_columns = models.BooleanField(default=True, help_text="The first row names the columns")
    columns = ArrayField(
        models.CharField(max_length=100), default=list, help_text="as the first row has them"
    )
    meanings = ArrayField(models.CharField(max_length=20), default=list, help_text="one a column")
    rows = models.PositiveIntegerField(default=0, help_text="Rows of the file, the first included")

    ground = models.CharField(max_length=9, choices=Ground, blank=True)
    consent_on = models.DateField(null=True, blank=True, help_text="Where no column has the date")
    consent_proof = models.TextField(blank=True, help_text="The words as they were shown")
    consent_place = models.CharField(max_length=500, blank=True, help_text="Where the agreements are kept")
    tag = models.ForeignKey("audiences.Tag", null=True, blank=True, on_delete=models.SET_NULL)

    done = models.PositiveIntegerField(default=0, help_text="Rows of the file handled so far")
    added = models.PositiveIntegerField(default=0, help_text="New contacts")
    updated = models.PositiveIntegerField(default=0, help_text="Contacts of earlier imports, changed")
    merged = models.PositiveIntegerField(default=0, help_text="ServiceTitan's contacts")
    unchanged = models.PositiveIntegerField(default=0, help_text="Contacts of earlier imports, as they were")
    repeated = models.PositiveIntegerField(default=0, help_text="Rows of somebody named further up")
    rejected = models.PositiveIntegerField(default=0)
    consents = models.PositiveIntegerField(default=0)

    confirmed_at = models.DateTimeField(null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    undo_asked_at = models.DateTimeField(null=True, blank=True)
    undone_to = models.BigIntegerField(default=0, help_text="Contacts up to this id have been looked at")
    undone_at = models.DateTimeField(null=True, blank=True)
    removed = models.PositiveIntegerField(default=0, help_text="Contacts that undoing removed")
    retired = models.PositiveIntegerField(default=0, help_text="Contacts that undoing made inactive")

    objects = ContactImportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, ground="")
                | Q(confirmed_at__isnull=False, ground__in=["customers", "texts", "calls"]),
                name="contact_import_confirmed_with_ground",
            ),
            models.CheckConstraint(
                condition=Q(ground__in=["", "customers"]) | ~Q(consent_proof=""),
                name="contact_import_consent_has_proof",
            ),
            models.CheckConstraint(condition=Q(done__lte=F("rows")), name="contact_import_done"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(confirmed_at__isnull=False, cancelled_at=None),
                name="contact_import_ended_once",
            ),
            models.CheckConstraint(
                condition=Q(undo_asked_at__isnull=True)
                | Q(finished_at__isnull=False)
                | Q(cancelled_at__isnull=False),
                name="contact_import_undone_after_end",
            ),
            # However often somebody clicks, a file comes once.
            models.UniqueConstraint(fields=["account", "token"], name="contact_import_token"),
        ]
        indexes = [models.Index(fields=["account", "-uploaded_at"], name="contact_import_latest")]

    def __str__(self) -> str:
        return f"{self.name}, {timezone.localtime(self.uploaded_at):%b %-d, %Y}"

    @property
    def ended_at(self) -> datetime | None:
        """When the last row was taken in, or somebody cancelled."""
        return self.finished_at or self.cancelled_at

    @property
    def rows_kept_until(self) -> datetime | None:
        """When the rows that made no contact are deleted, with what stands in them."""
        return self.ended_at + ROWS_KEPT if self.ended_at else None

    @property
    def rows_gone(self) -> bool:
        """Whether that day has come."""
        return self.rows_kept_until is not None and self.rows_kept_until <= clock.now()

    @property
    def is_running(self) -> bool:
        """Whether rows are still being taken in."""
        return self.confirmed_at is not None and not (self.ended_at or self.failed_at)

    @property
    def taken_in(self) -> int:
        """Contacts of this import: added, or known and named in the file."""
        return self.added + self.known

    @property
    def is_moving(self) -> bool:
        """Whether work on it is under way, so that a page about it changes."""
        return self.is_running or (self.undo_asked_at is not None and self.undone_at is None)

    @property
    def known(self) -> int:
        """Contacts that were there before."""
        return self.updated + self.merged + self.unchanged

    @property
    def people(self) -> int:
        """Rows below the names of the columns."""
        return self.rows - (1 if self.names_columns else 0)

    def as_rules(self) -> dict[str, Any]:
        """Rules of an audience: whoever this file named."""
        return {"match": "all", "rules": [{"field": "import", "is": "any_of", "value": [self.pk]}]}

    def rate(self, now: datetime) -> float | None:
        """Rows a second so far; None before the first piece is in."""
        if self.begun_at is None or not self.done:
            return None
        seconds = ((self.ended_at or now) - self.begun_at).total_seconds()
        return self.done / seconds if seconds > 0 else None

    def seconds_left(self, now: datetime) -> float | None:
        """How long the rest takes at the pace so far."""
        rate = self.rate(now)
        return (self.rows - self.done) / rate if rate and self.is_running else None
