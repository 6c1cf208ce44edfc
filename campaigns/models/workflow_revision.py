from django.db import models

from common import clock


class WorkflowRevision(models.Model):
    """A workflow's draft as it was after one edit, undoing and redoing included; they are only added to.

    Undoing goes to the revision `back`, redoing to `forward`, and both make a revision of their own.
    """

    draft = models.ForeignKey("campaigns.WorkflowDraft", on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    graph = models.JSONField()
    said = models.CharField(max_length=200, help_text="What was done, in words")
    touched = models.JSONField(default=list, help_text="Keys of the steps that are not as before")
    back = models.PositiveIntegerField(null=True, blank=True)
    forward = models.PositiveIntegerField(null=True, blank=True)
    by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(default=clock.now)

    account_path = "draft__workflow__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="workflowrevision_number"),
        ]

    def __str__(self) -> str:
        return self.said
