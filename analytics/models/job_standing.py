from django.db import models
from django.db.models import F, Q


class JobStanding(models.Model):
    """What one job of ServiceTitan's has come to, and what we say of it: credited, influenced, or neither.

    One row per mirrored job, kept with it. Money is in cents: what its invoices bill, what credit memos and
    refunds take back, and what is left as its revenue, nothing once it is cancelled.
    """

    class Verdict(models.TextChoices):
        CREDITED = "credited"
        INFLUENCED = "influenced"
        NONE = "none", "not credited"

    class Stage(models.TextChoices):
        BOOKED = "booked"
        COMPLETED = "completed"
        INVOICED = "invoiced"
        REFUNDED = "refunded"
        CANCELLED = "cancelled"

    class Reason(models.TextChoices):
        """Why a job is not credited."""

        RECALL = "recall", "a recall: it makes good an earlier job"
        RECURRING = "recurring", "a visit of a recurring service"
        NO_CHARGE = "no_charge", "no charge"
        NO_TOUCH = "no_touch", "booked through us, but nothing of ours reached the customer before it"
        NO_LINK = "no_link", "nothing ties it to us"
        CORRECTED = "corrected", "an admin took the credit away"

    job = models.OneToOneField(
        "audiences.Job", on_delete=models.CASCADE, related_name="standing", primary_key=True
    )
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="job_standings", db_index=False
    )
    at = models.DateTimeField(help_text="When the job was made in ServiceTitan")
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    stage = models.CharField(max_length=9, choices=Stage)
    invoiced_cents = models.BigIntegerField(default=0)
    refunded_cents = models.BigIntegerField(default=0)
    revenue_cents = models.BigIntegerField(default=0)
    verdict = models.CharField(max_length=10, choices=Verdict)
    reason = models.CharField(max_length=10, choices=Reason, blank=True)
    # The touch that won it, or the last one before it where it is influenced.
    campaign = models.ForeignKey(
        "campaigns.Campaign", null=True, blank=True, on_delete=models.CASCADE, db_index=False
    )
    node = models.ForeignKey("campaigns.Node", null=True, blank=True, on_delete=models.PROTECT)
    enrollment = models.ForeignKey("campaigns.Enrollment", null=True, blank=True, on_delete=models.CASCADE)
    message = models.ForeignKey("conversations.Message", null=True, blank=True, on_delete=models.SET_NULL)
    phone_call = models.ForeignKey(
        "conversations.Call", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict="none", campaign=None, node=None, enrollment=None)
                | Q(
                    verdict__in=["credited", "influenced"],
                    campaign__isnull=False,
                    node__isnull=False,
                    enrollment__isnull=False,
                ),
                name="job_standing_touch",
            ),
            models.CheckConstraint(
                condition=Q(verdict="credited", reason="") | ~Q(Q(verdict="credited") | Q(reason="")),
                name="job_standing_reason",
            ),
            models.CheckConstraint(
                condition=Q(stage="cancelled", revenue_cents=0)
                | Q(~Q(stage="cancelled"), revenue_cents=F("invoiced_cents") - F("refunded_cents")),
                name="job_standing_revenue",
            ),
            models.CheckConstraint(
                condition=Q(invoiced_cents__gte=0, refunded_cents__gte=0), name="job_standing_parts"
            ),
        ]
        indexes = [
            # The page of jobs: newest first, and its sums without the rows themselves.
            models.Index(
                fields=["account", "at", "job"],
                include=[
                    "verdict", "reason", "stage", "campaign", "business_unit",
                    "invoiced_cents", "refunded_cents", "revenue_cents",
                ],
                name="job_standing_by_date",
            ),
            models.Index(
                fields=["campaign", "at"], name="job_standing_campaign", condition=Q(campaign__isnull=False)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.job_id} {self.verdict}"
