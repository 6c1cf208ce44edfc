from django.db import models
from django.db.models import Q

from common import clock


class MessageDraft(models.Model):
    """What is typed towards new words of one node, kept while it is typed and gone once it is published.

    `words` are the form's raw values, right or wrong. `revision` counts what was kept: whoever saves names
    the one they saw, so that nobody writes over what a colleague has typed meanwhile, or they themselves in
    another `tab`.
    """

    workflow = models.ForeignKey(
        "campaigns.Workflow", on_delete=models.CASCADE, related_name="message_drafts"
    )
    key = models.CharField(max_length=40, help_text="of the node")
    words = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1)
    changed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(default=clock.now)
    tab = models.CharField(max_length=16, blank=True, default="", db_default="")

    account_path = "workflow__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workflow", "key"], name="messagedraft_once_per_node"),
            models.CheckConstraint(condition=Q(revision__gt=0), name="messagedraft_revision"),
        ]

    def __str__(self) -> str:
        return self.key
