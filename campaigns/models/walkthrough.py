from django.db import models
from django.db.models import Q

from common import clock


class Walkthrough(models.Model):
    """A workflow walked as one contact: where it began and what was done since, in order.

    Nothing of it ever happened: `shown` is what playing the acts once showed (`campaigns/walkthroughs/`), and
    `places` are ids that no row will ever have, so that the same acts lead the same way each time.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="walkthroughs")
    workflow = models.ForeignKey("campaigns.Workflow", on_delete=models.CASCADE, related_name="walkthroughs")
    graph = models.JSONField(default=dict, help_text="As it was drawn when it began")
    drawn_as = models.CharField(max_length=60, help_text="Which state of the workflow that was, in words")
    contact = models.ForeignKey(
        "audiences.Contact", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    sample = models.CharField(
        max_length=2, blank=True, default="", help_text="An invented person's language, where no contact is"
    )
    starts_at = models.DateTimeField()
    acts = models.JSONField(default=list)
    revision = models.PositiveIntegerField(default=0, help_text="Whoever has not seen it is refused")
    shown = models.JSONField(default=dict)
    places = models.JSONField(default=dict)
    created_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    changed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=True) ^ Q(sample=""), name="walkthrough_of_somebody"
            ),
        ]
        indexes = [models.Index(fields=["workflow", "-changed_at"], name="walkthrough_latest")]

    def __str__(self) -> str:
        return f"{self.workflow} as {self.contact or 'a sample person'}"
