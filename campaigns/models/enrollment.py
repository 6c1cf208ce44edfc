from django.db import models
from django.db.models import Q

from common import clock


class Enrollment(models.Model):
    """One passage of one contact through one campaign. Narrow, because every step updates near it.

    The phone is fixed at entry; the workflow version is pinned. A reply that no step awaits is kept in
    `reply` until the next `wait_for_reply` consumes it.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        ENDED = "ended"

    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="enrollments", db_index=False
    )
    version = models.ForeignKey("campaigns.WorkflowVersion", on_delete=models.PROTECT, db_index=False)
    occurrence = models.PositiveIntegerField(default=1)
    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, related_name="enrollments")
    address = models.ForeignKey(
        "audiences.Address", on_delete=models.CASCADE, related_name="enrollments", db_index=False
    )
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE, db_default="active")
    returning = models.BooleanField(
        default=False, db_default=False, help_text="The contact was in this campaign before"
    )
    entered_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=40, blank=True, default="", db_default="")
    reply = models.ForeignKey(
        "conversations.Message",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
    )

    account_path = "campaign__account"

    class Meta:
        constraints = [
            # What a step names, so that its campaign is its enrollment's. Its index also gives the newest
            # first within a campaign, however many others there are, and is the foreign key's.
            models.UniqueConstraint(fields=["campaign", "id"], name="enrollment_in_campaign"),
            models.UniqueConstraint(
                fields=["campaign", "contact"], condition=Q(state="active"), name="enrollment_live_contact"
            ),
            # The phone first, so that the key also finds all that runs on a phone.
            models.UniqueConstraint(
                fields=["address", "campaign"], condition=Q(state="active"), name="enrollment_live_phone"
            ),
            models.CheckConstraint(
                condition=Q(state="active", ended_at__isnull=True)
                | (Q(state="ended", ended_at__isnull=False) & ~Q(ended_reason="")),
                name="enrollment_state",
            ),
        ]
        indexes = [
            # Whoever deletes a message has it sought here.
            models.Index(fields=["reply"], name="enrollment_reply", condition=Q(reply__isnull=False)),
            # The few that were in a campaign before: distinct contacts of a range are all others and some of
            # these.
            models.Index(
                fields=["campaign", "entered_at"], name="enrollment_returning", condition=Q(returning=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.campaign_id}"
