from django.db import models

from common import clock


class WorkflowDraft(models.Model):
    """A workflow as it is drawn in the editor, over its latest version; one per workflow.

    `graph` is in the words of `campaigns/drawing.py`. `revision` counts what was done: whoever edits names
    the one they saw, so that nobody writes over what a colleague did meanwhile.
    """

    workflow = models.OneToOneField(
        "campaigns.Workflow", on_delete=models.CASCADE, primary_key=True, related_name="draft"
    )
    version = models.ForeignKey(
        "campaigns.WorkflowVersion", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The one it was drawn over",
    )  # fmt: skip
    graph = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)
    changed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(default=clock.now)

    account_path = "workflow__account"

    def __str__(self) -> str:
        return f"{self.workflow_id}, revision {self.revision}"
