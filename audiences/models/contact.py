import re

from django.db import models
from django.db.models import Exists, OuterRef, Q

from audiences.models.contact_address import ContactAddress
from common import clock


class ContactQuerySet(models.QuerySet["Contact"]):
    """Questions about contacts."""

    def search(self, text: str) -> "ContactQuerySet":
        """Whose name contains every word, or who has a phone or mailbox containing it; blank: everybody."""
        text = text.strip()
        if not text:
            return self
        by_name = Q()
        for word in text.split():
            by_name &= Q(name__icontains=word)
        digits = re.sub(r"\D", "", text)
        wanted = digits if len(digits) >= 4 and not re.search(r"[A-Za-z@]", text) else text
        mine = ContactAddress.objects.filter(contact=OuterRef("pk"), address__value__icontains=wanted)
        return self.filter(by_name | Exists(mine))

    def by_name(self) -> "ContactQuerySet":
        """In the order of lists."""
        return self.order_by("name", "pk")


class Contact(models.Model):
    """A person we may reach; belongs to a ServiceTitan customer."""

    class Kind(models.TextChoices):
        RESIDENTIAL = "residential"
        COMMERCIAL = "commercial"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="contacts")
    servicetitan_customer_id = models.BigIntegerField()
    person = models.CharField(
        max_length=120, blank=True, help_text="Which person of the customer; blank: the first"
    )
    name = models.CharField(max_length=200)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    kind = models.CharField(max_length=11, choices=Kind, default=Kind.RESIDENTIAL)
    language = models.CharField(max_length=2, default="en")
    active = models.BooleanField(default=True)
    do_not_service = models.BooleanField(default=False)
    do_not_mail = models.BooleanField(default=False, db_default=False)
    balance = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="what the customer owes, dollars"
    )
    customer_since = models.DateTimeField(
        null=True, blank=True, help_text="when ServiceTitan first knew them"
    )
    merged_into_servicetitan_id = models.BigIntegerField(
        null=True, blank=True, help_text="the customer that goes on in place of this one"
    )
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=2, blank=True)
    zip = models.CharField(max_length=10, blank=True)
    household = models.ForeignKey("audiences.Household", on_delete=models.PROTECT, related_name="contacts")
    zone_set = models.ForeignKey("audiences.ZoneSet", on_delete=models.PROTECT, related_name="contacts")
    last_job_at = models.DateTimeField(
        null=True, blank=True, help_text="Latest job not cancelled, kept by the sync"
    )
    source_modified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "servicetitan_customer_id", "person"], name="contact_customer_person"
            ),
            models.CheckConstraint(condition=Q(kind__in=["residential", "commercial"]), name="contact_kind"),
        ]
        indexes = [models.Index(fields=["account", "last_job_at"], name="contact_last_job")]

    def __str__(self) -> str:
        return self.name
