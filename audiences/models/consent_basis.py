"""ConsentBasis: on what ground an account texts its customers, as somebody declared it."""

from django.db import models
from django.db.models import Q

from common import clock


class ConsentBasisQuerySet(models.QuerySet["ConsentBasis"]):
    """Questions about declarations."""

    def in_force(self, account_id: int) -> "ConsentBasis | None":
        """The account's latest declaration, which is the one that counts."""
        found = self.filter(account_id=account_id).select_related("declared_by")
        return found.order_by("-declared_at", "-pk").first()


class ConsentBasis(models.Model):
    """One declaration. A later one takes its place; none is ever changed or removed: a trigger refuses it."""

    class Kind(models.TextChoices):
        """The grounds that can be declared; `simulated` belongs to companies whose customers are invented."""

        EXISTING = "existing", "Existing customers"
        WRITTEN = "written", "Written consent"
        MIXED = "mixed", "Both"
        SIMULATED = "simulated", "Simulated customers"

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="consent_bases")
    kind = models.CharField(max_length=9, choices=Kind)
    words = models.TextField(help_text="What was declared, as it stood on the page")
    declared_name = models.CharField(max_length=120, help_text="As the person who declared wrote it")
    declared_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT)
    declared_at = models.DateTimeField(default=clock.now)

    objects = ConsentBasisQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["existing", "written", "mixed", "simulated"]), name="consent_basis_kind"
            ),
            models.CheckConstraint(
                condition=~Q(words="") & ~Q(declared_name=""), name="consent_basis_has_words"
            ),
        ]
        indexes = [models.Index(fields=["account", "-declared_at"], name="consent_basis_latest")]

    def __str__(self) -> str:
        return self.get_kind_display()
