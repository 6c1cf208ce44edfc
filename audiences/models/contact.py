from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q

from common import clock


class ContactQuerySet(models.QuerySet["Contact"]):
    """Questions about contacts."""

    def by_name(self) -> "ContactQuerySet":
        """In the order of lists."""
        return self.order_by("name", "pk")


class Contact(models.Model):
    """A person we may reach; belongs to a ServiceTitan customer."""

    class Kind(models.TextChoices):
        RESIDENTIAL = "residential"
        COMMERCIAL = "commercial"

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="contacts", db_index=False
    )  # contact_customer_person begins with it
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
    job_count = models.PositiveIntegerField(
        null=True, blank=True, help_text="Jobs not cancelled, kept by the sync; null: count them"
    )
    job_total = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, help_text="What those jobs are worth together"
    )
    visited_at = models.DateTimeField(
        null=True, blank=True, help_text="Latest job done or visit begun by `visits_noted_at`"
    )
    next_visit_at = models.DateTimeField(
        null=True, blank=True, help_text="First visit that had not begun by then"
    )
    visits_noted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the sync last looked at the visits; null: look oneself"
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
        indexes = [
            # What audiences ask most often of contacts themselves is answered from it alone.
            models.Index(
                fields=["account", "last_job_at"],
                include=["id", "servicetitan_customer_id", "kind", "do_not_service"],
                name="contact_by_last_job",
                condition=Q(active=True),
            ),
            # Those whose jobs and visits were never noted: none, once `tasks.count_jobs` has been through.
            models.Index(
                fields=["account", "servicetitan_customer_id"],
                name="contact_unnoted",
                condition=Q(visits_noted_at__isnull=True),
            ),
            # Who was merged into whom: few, and sought with every page of the sync.
            models.Index(
                fields=["account", "servicetitan_customer_id", "merged_into_servicetitan_id"],
                name="contact_merged",
                condition=Q(merged_into_servicetitan_id__isnull=False),
            ),
            # What search reads (audiences/contact_search.py). The list of what waits to be filed stays short:
            # every search reads all of it.
            GinIndex(
                Func(F("account"), F("name"), F("street"), F("city"), F("zip"), function="contact_words"),
                name="contact_words",
                gin_pending_list_limit=1024,
            ),
        ]

    def __str__(self) -> str:
        return self.name
