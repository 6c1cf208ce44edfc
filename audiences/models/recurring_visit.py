from django.db import models


class RecurringVisit(models.Model):
    """A visit that a ServiceTitan recurring service had due, with the job that was made for it, if any.

    The job itself does not say so: its membership may be that of any job of a member.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="recurring_visits")
    servicetitan_id = models.BigIntegerField()
    servicetitan_job_id = models.BigIntegerField(null=True, blank=True)
    active = models.BooleanField(default=True, help_text="off: deleted at the source")
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "servicetitan_id"], name="recurring_visit_servicetitan"
            )
        ]
        indexes = [
            models.Index(
                fields=["account", "servicetitan_job_id"],
                name="recurring_visit_job",
                condition=models.Q(servicetitan_job_id__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return str(self.servicetitan_id)
