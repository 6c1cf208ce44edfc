from django.db import models

from common import clock

_COUNTS = models.Q(active=True) & ~models.Q(status="Canceled")  # as in audiences/last_job.py


class Job(models.Model):
    """The contractor's job, mirrored from ServiceTitan."""

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="jobs", db_index=False
    )
    servicetitan_id = models.BigIntegerField()
    number = models.CharField(max_length=40, blank=True)
    servicetitan_customer_id = models.BigIntegerField()
    servicetitan_booking_id = models.BigIntegerField(null=True, blank=True)
    servicetitan_location_id = models.BigIntegerField(null=True, blank=True)
    servicetitan_lead_call_id = models.BigIntegerField(null=True, blank=True)
    recall_for_servicetitan_id = models.BigIntegerField(
        null=True, blank=True, help_text="the job it makes good"
    )
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    job_type = models.ForeignKey(
        "audiences.JobType", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    lead_source = models.ForeignKey(
        "audiences.LeadSource", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    status = models.CharField(
        max_length=20, help_text="ServiceTitan's word: Scheduled, Completed, Canceled …"
    )
    total = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    no_charge = models.BooleanField(default=False)
    active = models.BooleanField(default=True, help_text="off: deleted at the source")
    created_on = models.DateTimeField(default=clock.now)
    first_seen_at = models.DateTimeField(
        null=True, blank=True, help_text="When the mirror first had it; null: before that was kept"
    )
    completed_on = models.DateTimeField(null=True, blank=True)
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="job_servicetitan")
        ]
        # What audiences ask of jobs is answered from these alone (docs/adr/0012): of one customer, of a type
        # and time, of a unit; and of whom they leave out by default, few jobs among all.
        indexes = [
            models.Index(
                fields=["account", "servicetitan_customer_id", "created_on"],
                include=["completed_on", "job_type", "business_unit", "status", "active", "total"],
                name="job_of_customer",
            ),
            models.Index(
                fields=["account", "job_type", "completed_on"],
                include=["servicetitan_customer_id", "business_unit", "created_on"],
                name="job_of_type",
                condition=_COUNTS,
            ),
            models.Index(
                fields=["account", "business_unit", "servicetitan_customer_id"],
                name="job_of_unit",
                condition=_COUNTS,
            ),
            models.Index(
                fields=["account", "servicetitan_booking_id"],
                name="job_booking",
                condition=models.Q(servicetitan_booking_id__isnull=False),
            ),
            models.Index(
                fields=["account", "servicetitan_lead_call_id"],
                name="job_lead_call",
                condition=models.Q(servicetitan_lead_call_id__isnull=False),
            ),
            models.Index(
                fields=["account", "number"], name="job_number", opclasses=["int8_ops", "text_pattern_ops"]
            ),
            models.Index(
                fields=["account", "servicetitan_customer_id"],
                name="job_open",
                condition=models.Q(active=True) & ~models.Q(status__in=["Completed", "Canceled"]),
            ),
            models.Index(
                fields=["account", "servicetitan_customer_id"],
                include=["created_on", "completed_on", "status"],
                name="job_recalled",
                condition=models.Q(active=True, recall_for_servicetitan_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number or str(self.servicetitan_id)
