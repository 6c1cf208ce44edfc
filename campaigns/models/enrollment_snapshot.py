from django.db import models


class EnrollmentSnapshot(models.Model):
    """What was known of the contact at entry: ServiceTitan ids, job types, appointment times, merge fields.

    Insert-only and beside the hot row, which every step would otherwise rewrite.
    """

    enrollment = models.OneToOneField(
        "campaigns.Enrollment", primary_key=True, on_delete=models.CASCADE, related_name="snapshot"
    )
    data = models.JSONField(default=dict)

    account_path = "enrollment__campaign__account"

    def __str__(self) -> str:
        return str(self.enrollment_id)
