from django.db import models

from common import clock


class WorkflowVersion(models.Model):
    """A graph under a number. Publishing freezes it; a trigger keeps its nodes and edges from changing."""

    workflow = models.ForeignKey("campaigns.Workflow", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    published_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=clock.now)

    account_path = "workflow__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow", "number"], name="workflow_version_number")]

    def __str__(self) -> str:
        return f"{self.workflow} v{self.number}"
