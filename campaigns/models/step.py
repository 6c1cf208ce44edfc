from django.db import models
from django.db.models import Q

from common import clock


class Step(models.Model):
    """One enrollment at one node. `due_at` is set while the engine has something to do, else null."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled"
        QUEUED = "queued"
        WAITING = "waiting"
        COMPLETED = "completed"
        FAILED = "failed"
        SKIPPED = "skipped"

    OPEN = (State.SCHEDULED, State.QUEUED, State.WAITING)

    # The database has one foreign key for both, `step_of_enrollment`: a check costs as much as the row.
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    enrollment = models.ForeignKey(
        "campaigns.Enrollment", on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    node = models.ForeignKey("campaigns.Node", on_delete=models.PROTECT, db_index=False)
    pass_number = models.PositiveSmallIntegerField(default=1, db_default=1)
    state = models.CharField(max_length=9, choices=State)
    state_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True, blank=True)
    send_by = models.DateTimeField(
        null=True, blank=True, help_text="72 h after first due unless set; then skipped"
    )
    outcome = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The edge it left by"
    )
    reason = models.CharField(max_length=60, blank=True, default="", db_default="")
    message = models.ForeignKey(
        "conversations.Message", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )

    account_path = "campaign__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "node", "pass_number"], name="step_pass"),
            models.CheckConstraint(
                condition=Q(state__in=["scheduled", "queued", "waiting", "completed", "failed", "skipped"]),
                name="step_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["failed", "skipped"]) | ~Q(reason=""), name="step_reason"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["scheduled", "waiting"]) | Q(due_at__isnull=True), name="step_due"
            ),
            # Nobody would ever come for it, and the lists of what is scheduled read along `due_at`.
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(due_at__isnull=False), name="step_scheduled_due"
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "node", "due_at"],
                name="step_due_queue",
                condition=Q(due_at__isnull=False),
            ),
            # Failed and skipped steps, for their lists: they alone have a reason, so that nobody else pays.
            models.Index(fields=["campaign", "id"], name="step_with_reason", condition=~Q(reason="")),
            # Whoever deletes a message has it sought here.
            models.Index(fields=["message"], name="step_message", condition=Q(message__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.enrollment_id} at {self.node_id}: {self.state}"
