from django.db import models

from common import clock


class Workflow(models.Model):
    """A graph of nodes that customers walk through; its versions hold the graph."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="workflows")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=clock.now)
    archived_at = models.DateTimeField(null=True, blank=True, help_text="Set: out of lists and launches")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="workflow_name")]

    def __str__(self) -> str:
        return self.name
