from django.db import models


class Appointment(models.Model):
    """A visit of a job. Times are read live: a rescheduled one moves whatever waits on it."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="appointments")
    servicetitan_id = models.BigIntegerField()
    servicetitan_job_id = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    arrives_from = models.DateTimeField(
        null=True, blank=True, help_text="Begin of the window told to the customer; blank: none is set"
    )
    arrives_until = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=20)
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="appointment_servicetitan")
        ]
        indexes = [
            models.Index(fields=["account", "servicetitan_job_id"], name="appointment_job"),
            models.Index(
                fields=["account", "starts_at"],
                include=["servicetitan_job_id"],
                name="appointment_at",
                condition=~models.Q(status="Canceled"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"
