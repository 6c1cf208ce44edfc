from django.db import models

from common import clock


class WorkflowRevision(models.Model):
    """A workflow's draft as it was after one edit, undoing and redoing included; they are only added to.

    What an edit changed lies between it and the revision before it. One that takes an edit back names it in
    `undid`, one that does it again in `redid`. `tab` tells two tabs of one person apart.
    """

    draft = models.ForeignKey("campaigns.WorkflowDraft", on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    graph = models.JSONField()
    said = models.CharField(max_length=200, help_text="What was done, in words")
    undid = models.PositiveIntegerField(null=True, blank=True, help_text="Number of the edit taken back")
    redid = models.PositiveIntegerField(null=True, blank=True, help_text="Number of the edit done again")
    tab = models.CharField(max_length=16, blank=True, default="", db_default="")
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
