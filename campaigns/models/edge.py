from django.db import models


class Edge(models.Model):
    """Where a node leads for one outcome: `next`, `otherwise`, or a label of its kind."""

    version = models.ForeignKey("campaigns.WorkflowVersion", on_delete=models.CASCADE, related_name="edges")
    source = models.ForeignKey("campaigns.Node", on_delete=models.CASCADE, related_name="edges_out")
    target = models.ForeignKey("campaigns.Node", on_delete=models.CASCADE, related_name="edges_in")
    label = models.CharField(max_length=40, default="next")

    account_path = "version__workflow__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "label"], name="edge_label")]

    def __str__(self) -> str:
        return f"{self.source_id} –{self.label}→ {self.target_id}"
