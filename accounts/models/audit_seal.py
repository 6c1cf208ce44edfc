"""AuditSeal: what a stretch of an account's evidence was when sealed; each seal holds the one before."""

from django.db import models
from django.db.models import F, Q

from common import clock


class AuditSealQuerySet(models.QuerySet["AuditSeal"]):
    """Questions about seals."""

    def of(self, account_id: int) -> "AuditSealQuerySet":
        """An account's chain, first seal first."""
        return self.filter(account_id=account_id).order_by("number")

    def longest_unchecked(self) -> "AuditSealQuerySet":
        """In the order in which they are to be checked again."""
        return self.order_by(F("checked_at").asc(nulls_first=True), "pk")


class AuditSeal(models.Model):
    """One link of an account's chain: the keys `first` to `last` of one kind of row, and their digest.

    A trigger keeps it; only what the latest check found may change. `accounts.sealing` makes and checks them.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="audit_seals")
    number = models.PositiveIntegerField(help_text="1, 2, 3 … within the account")
    kind = models.CharField(max_length=80, help_text="The label of the sealed model")
    columns = models.TextField(help_text="What of each row is sealed: columns, with commas between")
    first = models.BigIntegerField(help_text="First key that it covers")
    last = models.BigIntegerField(help_text="Last key that it covers")
    rows = models.PositiveIntegerField(help_text="How many rows of the account have these keys")
    digest = models.CharField(max_length=64, help_text="HMAC-SHA256 of the seal before and the rows")
    key_mark = models.CharField(max_length=8, help_text="Which key of the deployment it was made with")
    sealed_at = models.DateTimeField(default=clock.now)
    checked_at = models.DateTimeField(null=True, blank=True)
    difference = models.TextField(blank=True, help_text="What the latest check found; blank: nothing")

    objects = AuditSealQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="audit_seal_number"),
            models.UniqueConstraint(fields=["account", "kind", "first"], name="audit_seal_stretch"),
            models.CheckConstraint(condition=Q(first__lte=F("last"), number__gte=1), name="audit_seal_order"),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="audit_seal_digest"),
        ]
        indexes = [
            models.Index(F("checked_at").asc(nulls_first=True), "id", name="audit_seal_to_check"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.number}"
