"""DoNotCallList: phones that nothing automated may reach, as one list of them was obtained."""

from datetime import date, datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from common import clock

REGISTRY_GOOD_FOR = timedelta(days=31)
"""A scrub of the national registry may be this old: 47 CFR 64.1200(c)(2)(i)(D), 16 CFR 310.4(b)(3)(iv)."""


class DoNotCallListQuerySet(models.QuerySet["DoNotCallList"]):
    """Questions about lists."""

    def in_force(self) -> "DoNotCallListQuerySet":
        """Confirmed lists that nothing has replaced or removed."""
        return self.filter(confirmed_at__isnull=False, ended_at=None)

    def being_read(self) -> "DoNotCallListQuerySet":
        """Uploads that are not read to their end."""
        return self.filter(read_at=None, discarded_at=None)

    def stale(self, account_id: int, today: date) -> "DoNotCallListQuerySet":
        """The account's registry lists in force that are older than the rule lets them be."""
        oldest = today - REGISTRY_GOOD_FOR
        return self.in_force().filter(account_id=account_id, kind="registry", obtained_on__lt=oldest)


class DoNotCallList(models.Model):
    """A list from its upload on: being read, read, confirmed, ended. Ended ones stay as history.

    Its phones are `DoNotCallEntry` rows, kept by number, so that customers who come later are found.
    """

    class Kind(models.TextChoices):
        OWN = "own", "Our own list"
        REGISTRY = "registry", "National registry"

    class Ended(models.TextChoices):
        REPLACED = "replaced", "Replaced"
        REMOVED = "removed", "Removed"

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="do_not_call_lists"
    )
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=160)
    obtained_on = models.DateField(help_text="When its phones were obtained or scrubbed")
    replaces = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by",
        help_text="the list that ends when this one is confirmed",
    )  # fmt: skip
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL)
    uploaded_at = models.DateTimeField(default=clock.now)
    delimiter = models.CharField(max_length=1, default=",")
    columns = ArrayField(
        models.PositiveIntegerField(), null=True, blank=True, help_text="those that its first row names"
    )
    rows = models.PositiveIntegerField(default=0, help_text="Rows of the file")
    done = models.PositiveIntegerField(default=0, help_text="Rows read so far")
    phones = models.PositiveIntegerField(default=0, help_text="Different phones taken")
    customers = models.PositiveIntegerField(
        default=0, help_text="Of those, phones of the account's own when it was read"
    )
    duplicates = models.PositiveIntegerField(default=0, help_text="The same phone again in the list")
    rejected = models.PositiveIntegerField(default=0)
    rejected_rows = models.TextField(blank=True, help_text="The first of them, with the reasons")
    begun_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    discarded_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=8, choices=Ended, blank=True)

    objects = DoNotCallListQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["own", "registry"]), name="do_not_call_list_kind"),
            models.CheckConstraint(condition=~Q(name=""), name="do_not_call_list_has_name"),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True)
                | Q(read_at__isnull=False, discarded_at__isnull=True, phones__gt=0),
                name="do_not_call_list_read_first",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_why="")
                | Q(
                    ended_at__isnull=False,
                    confirmed_at__isnull=False,
                    ended_why__in=["replaced", "removed"],
                ),
                name="do_not_call_list_ended_with_reason",
            ),
        ]
        indexes = [models.Index(fields=["account", "-uploaded_at"], name="do_not_call_list_latest")]

    def __str__(self) -> str:
        return self.name

    @property
    def good_until(self) -> date:
        """The last day on which a scrub of the registry may be relied upon."""
        return self.obtained_on + REGISTRY_GOOD_FOR

    def is_stale(self, today: date) -> bool:
        """Whether a registry list is older than the rule lets it be; an own list never is."""
        return self.kind == self.Kind.REGISTRY and today > self.good_until

    def seconds_left(self, now: datetime) -> float | None:
        """How long reading goes on at its pace so far; None before anything is read."""
        if self.begun_at is None or not self.done or self.read_at is not None:
            return None
        return (now - self.begun_at).total_seconds() / self.done * (self.rows - self.done)
