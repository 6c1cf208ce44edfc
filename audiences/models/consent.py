"""Consent: what somebody agreed to in writing, with the words that were shown to them."""

from collections.abc import Iterable

from django.db import models
from django.db.models import Q

from audiences.models.contact import Contact
from common import clock


class ConsentQuerySet(models.QuerySet["Consent"]):
    """Questions about consents."""

    def in_force(self) -> "ConsentQuerySet":
        """Those that nothing has ended."""
        return self.filter(ended_at=None)

    def of_contact(self, contact: Contact) -> "ConsentQuerySet":
        """What they agreed to themselves, and what was agreed to for their phones and mailboxes.

        These are read at once: for a query beside an `OR`, the database would read every consent there is.
        """
        addresses = list(contact.contact_addresses.values_list("address", flat=True))
        found = self.filter(Q(contact=contact) | Q(address__in=addresses))
        return found.select_related("address", "contact", "recorded_by")

    def of_kind(self, kind: str, address_ids: Iterable[int]) -> "ConsentQuerySet":
        """The consents of this kind that these addresses have in force: one each at most."""
        return self.in_force().filter(kind=kind, address__in=set(address_ids))


class Consent(models.Model):
    """One written agreement, given for one address. A trigger lets it be ended once and never changed else.

    Kept for five years and more: number, name, the words as shown, date (16 CFR 310.5).
    """

    class Kind(models.TextChoices):
        """What was agreed to: 47 CFR 64.1200(f)(9) asks for it in writing, for each."""

        TEXTS = "texts", "Promotional texts"
        RECORDED_CALLS = "recorded_calls", "Recorded or synthetic voice"

    class Source(models.TextChoices):
        FORM = "form", "Web form"
        PAPER = "paper", "Paper"
        IMPORT = "import", "Imported list"
        START = "start", "Text message"
        AGENT = "agent", "Told an agent in writing"

    class Ended(models.TextChoices):
        OPTED_OUT = "opted_out", "Opted out"
        WITHDRAWN = "withdrawn", "Withdrawn"
        WRONG_NUMBER = "wrong_number", "Wrong number"

    # PROTECT everywhere: cascading would have to change or delete evidence.
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="consents")
    address = models.ForeignKey("audiences.Address", on_delete=models.PROTECT, related_name="consents")
    contact = models.ForeignKey(
        "audiences.Contact", null=True, blank=True, on_delete=models.PROTECT, related_name="consents",
        help_text="who gave it, where known",
    )  # fmt: skip
    kind = models.CharField(max_length=14, choices=Kind)
    source = models.CharField(max_length=6, choices=Source)
    proof = models.TextField(help_text="The words as they were shown or said")
    proof_at = models.CharField(max_length=500, blank=True, help_text="Where: an address or a document")
    given_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="empty: the product",
    )  # fmt: skip
    recorded_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=12, choices=Ended, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["address", "kind"], condition=Q(ended_at__isnull=True), name="consent_in_force"
            ),
            models.CheckConstraint(condition=Q(kind__in=["texts", "recorded_calls"]), name="consent_kind"),
            models.CheckConstraint(
                condition=Q(source__in=["form", "paper", "import", "start", "agent"]), name="consent_source"
            ),
            models.CheckConstraint(condition=~Q(proof=""), name="consent_has_proof"),
            models.CheckConstraint(
                condition=Q(given_at__lte=models.F("recorded_at")), name="consent_given_before_recorded"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_why="")
                | Q(ended_at__isnull=False, ended_why__in=["opted_out", "withdrawn", "wrong_number"]),
                name="consent_ended_with_reason",
            ),
        ]
        indexes = [models.Index(fields=["account", "-recorded_at"], name="consent_latest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.address_id}"
