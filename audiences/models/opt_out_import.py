"""OptOutImport: one list of people who asked to be left alone before this product knew them."""

from django.db import models
from django.db.models import Q

from common import clock


class OptOutImportQuerySet(models.QuerySet["OptOutImport"]):
    """Questions about imports."""

    def settled(self, account_id: int) -> bool:
        """Whether the account has finished an import, or declared that there is nothing to import."""
        return self.filter(account_id=account_id, finished_at__isnull=False).exists()

    def unfinished(self) -> "OptOutImportQuerySet":
        """Confirmed imports that are not recorded to their end."""
        return self.filter(confirmed_at__isnull=False, finished_at=None)


class OptOutImport(models.Model):
    """A list as it was read: a draft until somebody confirms it, then recorded batch by batch.

    `values` holds one phone (E.164) or mailbox a line until the import is finished. Triggers keep what was
    confirmed: then only its progress moves, and nothing at all once it is finished.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="opt_out_imports")
    name = models.CharField(max_length=160, help_text="The file's name, or what else it came from")
    declared_none = models.BooleanField(default=False, help_text="There were no old opt-outs to import")
    values = models.TextField(blank=True)
    phones = models.PositiveIntegerField(default=0)
    emails = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0, help_text="The same address again in the list")
    rejected = models.PositiveIntegerField(default=0)
    rejected_rows = models.TextField(blank=True, help_text="The first of them, with the reasons")
    done = models.PositiveIntegerField(default=0, help_text="Addresses handled so far")
    recorded = models.PositiveIntegerField(default=0, help_text="Of those, wishes that were new")
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(default=clock.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = OptOutImportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(confirmed_at__isnull=False),
                name="opt_out_import_confirmed_first",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lines(self) -> list[str]:
        """The addresses still kept; a quoted mailbox may hold what other splitting takes for a line's end."""
        return self.values.split("\n") if self.values else []

    @property
    def accepted(self) -> int:
        """Different addresses in the list."""
        return self.phones + self.emails

    @property
    def known(self) -> int:
        """Of those handled, the ones that had opted out already."""
        return self.done - self.recorded
