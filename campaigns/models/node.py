from django.db import models
from django.db.models import Q


class Node(models.Model):
    """One place in a workflow version. `key` names the same node across versions."""

    class Kind(models.TextChoices):
        SEND_SMS = "send_sms"
        SEND_EMAIL = "send_email"
        CALL = "call"
        WAIT = "wait"
        WAIT_FOR_REPLY = "wait_for_reply"
        BRANCH = "branch"
        SPLIT = "split"
        UPDATE_CONTACT = "update_contact"
        HANDOFF = "handoff"
        BOOK_JOB = "book_job"
        END = "end"

    version = models.ForeignKey("campaigns.WorkflowVersion", on_delete=models.CASCADE, related_name="nodes")
    key = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=80)
    settings = models.JSONField(default=dict)
    position = models.PositiveSmallIntegerField(default=0)

    account_path = "version__workflow__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="node_key"),
            models.UniqueConstraint(fields=["version"], condition=Q(position=0), name="node_first"),
            models.CheckConstraint(condition=Q(key__regex=r"^[a-z][a-z0-9_]*$"), name="node_key_shape"),
        ]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name
