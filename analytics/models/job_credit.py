from django.db import models
from django.db.models import Q

from common import clock


class JobCredit(models.Model):
    """A job booked by us, credited to the one node that won it, with what it has come to.

    `revenue_cents` is what its invoices say, less what was taken back; nothing once it is cancelled.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="job_credits")
    job = models.OneToOneField("audiences.Job", on_delete=models.CASCADE, related_name="credit")
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="job_credits")
    node = models.ForeignKey("campaigns.Node", on_delete=models.PROTECT)
    enrollment = models.ForeignKey(
        "campaigns.Enrollment", on_delete=models.CASCADE, related_name="job_credits"
    )
    message = models.ForeignKey("conversations.Message", null=True, blank=True, on_delete=models.SET_NULL)
    phone_call = models.ForeignKey(
        "conversations.Call", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The call that won it, where no message did",
    )  # fmt: skip
    booking = models.ForeignKey("campaigns.Booking", null=True, blank=True, on_delete=models.SET_NULL)
    call = models.ForeignKey("audiences.CallAtSource", null=True, blank=True, on_delete=models.SET_NULL)
    talk = models.ForeignKey(
        "conversations.Call", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Our own call, or one to us, in which it was made",
    )  # fmt: skip
    link = models.CharField(
        max_length=20, help_text="What ties the job to us: booking, thread, call, talk, or a correction"
    )
    at = models.DateTimeField(default=clock.now)
    revenue_cents = models.BigIntegerField(default=0, db_default=0)
    completed = models.BooleanField(default=False, db_default=False)
    invoiced = models.BooleanField(default=False, db_default=False)
    cancelled = models.BooleanField(
        default=False, db_default=False, help_text="Cancelled, or deleted at the source"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cancelled=False) | Q(revenue_cents=0, completed=False, invoiced=False),
                name="job_credit_cancelled_brings_nothing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.job_id} by {self.node_id}"
