from django.db import models

from common import clock


class JobCredit(models.Model):
    """A job booked by us, credited to the one node that won it."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="job_credits")
    job = models.OneToOneField("audiences.Job", on_delete=models.CASCADE, related_name="credit")
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="job_credits")
    node = models.ForeignKey("campaigns.Node", on_delete=models.PROTECT)
    enrollment = models.ForeignKey(
        "campaigns.Enrollment", on_delete=models.CASCADE, related_name="job_credits"
    )
    message = models.ForeignKey("conversations.Message", null=True, blank=True, on_delete=models.SET_NULL)
    booking = models.ForeignKey("campaigns.Booking", null=True, blank=True, on_delete=models.SET_NULL)
    link = models.CharField(max_length=20, help_text="What ties the job to us: booking, thread, call")
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.job_id} by {self.node_id}"
