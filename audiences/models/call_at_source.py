from django.db import models
from django.db.models import Q


class CallAtSource(models.Model):
    """A phone call that ServiceTitan recorded; a job names the one it came from as its lead call."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="calls_at_source")
    servicetitan_id = models.BigIntegerField()
    servicetitan_customer_id = models.BigIntegerField(null=True, blank=True)
    servicetitan_job_id = models.BigIntegerField(null=True, blank=True)
    phone = models.CharField(
        max_length=16, blank=True, help_text="the customer's, E.164; blank: withheld or unreadable"
    )
    direction = models.CharField(max_length=10, help_text="ServiceTitan's word: Inbound, Outbound")
    result = models.CharField(
        max_length=20,
        blank=True,
        help_text="ServiceTitan's word: Booked, Unbooked, Excused, Abandoned, NotLead",
    )
    at = models.DateTimeField()
    active = models.BooleanField(default=True, help_text="off: deleted at the source")
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="call_at_source_id")
        ]
        indexes = [
            models.Index(fields=["account", "phone", "at"], name="call_at_source_phone"),
            models.Index(
                fields=["account", "servicetitan_customer_id"],
                name="call_at_source_customer",
                condition=Q(servicetitan_customer_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.at:%Y-%m-%d %H:%M}"
