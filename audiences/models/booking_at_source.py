from django.db import models
from django.db.models import Q


class BookingAtSource(models.Model):
    """A request to book as ServiceTitan has it, whoever made it; ours are `campaigns.Booking`, too.

    ServiceTitan names no customer on it until it has become a job.
    """

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="bookings_at_source"
    )
    servicetitan_id = models.BigIntegerField()
    servicetitan_job_id = models.BigIntegerField(null=True, blank=True)
    external_id = models.CharField(max_length=200, blank=True, help_text="what its maker calls it")
    source = models.CharField(max_length=100, blank=True)
    status = models.CharField(
        max_length=20, help_text="ServiceTitan's word: New, Accepted, Converted, Dismissed"
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    created_on = models.DateTimeField()
    active = models.BooleanField(default=True, help_text="off: deleted at the source")
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="booking_at_source_id")
        ]
        indexes = [
            models.Index(
                fields=["account", "servicetitan_job_id"],
                name="booking_at_source_job",
                condition=Q(servicetitan_job_id__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.servicetitan_id}"
