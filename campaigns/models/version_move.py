from django.db import models
from django.db.models import Q

from common import clock


class VersionMove(models.Model):
    """How a running campaign goes over to another version of its workflow; written with each slice of people.

    `choices` say what becomes of whoever stands at a node, by the node's id in the version they are on; see
    `campaigns/move_plans.py`. `counts` are people by what became of them, and texts taken back.
    """

    class State(models.TextChoices):
        MOVING = "moving"
        DONE = "done"
        CANCELLED = "cancelled"
        STOPPED = "stopped"  # the campaign was, meanwhile

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="version_moves")
    before = models.ForeignKey("campaigns.WorkflowVersion", on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey("campaigns.WorkflowVersion", on_delete=models.PROTECT, related_name="moves")
    choices = models.JSONField(default=dict, blank=True)
    goes_on = models.BooleanField(help_text="The campaign was running, and runs again afterwards")
    state = models.CharField(max_length=9, choices=State, default=State.MOVING)
    cursor = models.BigIntegerField(default=0, help_text="Last enrollment looked at")
    people = models.PositiveIntegerField(help_text="On other versions as it began")
    seen = models.PositiveIntegerField(default=0, help_text="Of them, looked at so far")
    counts = models.JSONField(default=dict, blank=True)
    why = models.CharField(max_length=300, blank=True, default="")
    trouble = models.CharField(
        max_length=300, blank=True, default="", help_text="What keeps it from going on"
    )
    by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    account_path = "campaign__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(ended_at__isnull=True), name="versionmove_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="moving", ended_at__isnull=True)
                | Q(state__in=["done", "cancelled", "stopped"], ended_at__isnull=False),
                name="versionmove_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.before_id} → {self.version_id}"
