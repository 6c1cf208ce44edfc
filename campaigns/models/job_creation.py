from django.db import models
from django.db.models import Q

from integrations.servicetitan.requests import PRIORITIES

DEFAULT_LEAD_DAYS, MOST_LEAD_DAYS = 2, 30


class JobCreation(models.Model):
    """Whether an account lets its workflows create jobs in ServiceTitan, and with what.

    Without a row, or switched off, they ask the office with a booking request.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="job_creation")
    allowed = models.BooleanField(default=False)
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Of a step that names none",
    )  # fmt: skip
    job_type = models.ForeignKey(
        "audiences.JobType", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Of a step that names none",
    )  # fmt: skip
    lead_source = models.ForeignKey(
        "audiences.LeadSource", null=True, blank=True, on_delete=models.RESTRICT, related_name="+",
        help_text="To which ServiceTitan's reports attribute the jobs",
    )  # fmt: skip
    priority = models.CharField(max_length=6, choices=[(one, one) for one in PRIORITIES], default="Normal")
    lead_days = models.PositiveSmallIntegerField(
        default=DEFAULT_LEAD_DAYS, help_text="Days between the yes and the earliest appointment"
    )

    class Meta:
        verbose_name_plural = "job creation"
        constraints = [
            models.CheckConstraint(
                condition=Q(allowed=False) | Q(lead_source__isnull=False), name="job_creation_lead_source"
            ),
            models.CheckConstraint(
                condition=Q(lead_days__gte=1, lead_days__lte=MOST_LEAD_DAYS), name="job_creation_lead"
            ),
            models.CheckConstraint(condition=Q(priority__in=PRIORITIES), name="job_creation_priority"),
        ]

    def __str__(self) -> str:
        return "Workflows create jobs" if self.allowed else "Workflows ask for bookings"
