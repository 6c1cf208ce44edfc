from django.db import models
from django.db.models import Q

from campaigns.link_signs import SPACE


class LinkCode(models.Model):
    """One recipient's short address for one link. Its key is the code itself, read as a number.

    `clicked_at` is the first click of a person, `machine_at` the first of a machine.
    """

    id = models.BigIntegerField(primary_key=True)
    link = models.ForeignKey(
        "campaigns.TrackedLink", on_delete=models.CASCADE, related_name="codes", db_index=False
    )
    step = models.ForeignKey("campaigns.Step", on_delete=models.CASCADE, db_index=False)
    destination = models.TextField(null=True, blank=True, help_text="Where it holds merge fields: filled")
    expires_at = models.DateTimeField()
    clicked_at = models.DateTimeField(null=True, blank=True)
    machine_at = models.DateTimeField(null=True, blank=True)

    account_path = "link__campaign__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "link"], name="link_code_of_recipient"),
            models.CheckConstraint(condition=Q(id__gte=0, id__lt=SPACE), name="link_code_length"),
        ]
        indexes = [
            # The few that were followed, for the lists behind their numbers.
            models.Index(
                fields=["link", "clicked_at"], name="link_code_clicked", condition=Q(clicked_at__isnull=False)
            ),
            models.Index(
                fields=["link", "machine_at"], name="link_code_machine", condition=Q(machine_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
