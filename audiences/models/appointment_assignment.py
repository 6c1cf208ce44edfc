from django.db import models


class AppointmentAssignment(models.Model):
    """A technician who is to come to a visit. A visit may have several, or none yet."""

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="appointment_assignments"
    )
    servicetitan_id = models.BigIntegerField()
    servicetitan_appointment_id = models.BigIntegerField()
    technician = models.CharField(max_length=120, help_text="The technician's name, as ServiceTitan has it")
    active = models.BooleanField(default=True, help_text="off: taken off the visit, or deleted at the source")
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "servicetitan_id"], name="appointment_assignment_servicetitan"
            )
        ]
        indexes = [
            models.Index(
                fields=["account", "servicetitan_appointment_id"],
                name="assignment_appointment",
                condition=models.Q(active=True),
            )
        ]

    def __str__(self) -> str:
        return self.technician
