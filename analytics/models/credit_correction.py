from django.db import models
from django.db.models import Q

from common import clock


class CreditCorrection(models.Model):
    """An admin's word on which touch won a job. Kept for ever, unchanged: a trigger sees to it.

    The latest one of a job stands, whatever the rule says, until a further one.
    """

    class Verdict(models.TextChoices):
        TOUCH = "touch", "credited to a message or call"
        NONE = "none", "credited to nothing of ours"
        RULE = "rule", "as the rule says"

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="credit_corrections"
    )
    job = models.ForeignKey("audiences.Job", on_delete=models.PROTECT, related_name="credit_corrections")
    verdict = models.CharField(max_length=5, choices=Verdict)
    message = models.ForeignKey(
        "conversations.Message", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    was_message = models.ForeignKey(
        "conversations.Message", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    phone_call = models.ForeignKey(
        "conversations.Call", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    was_phone_call = models.ForeignKey(
        "conversations.Call", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    was_link = models.CharField(max_length=20, blank=True, help_text="Blank: it was not credited")
    reason = models.CharField(max_length=500)
    by = models.ForeignKey("accounts.User", on_delete=models.PROTECT)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict="touch", message__isnull=False, phone_call=None)
                | Q(verdict="touch", message=None, phone_call__isnull=False)
                | Q(verdict__in=["none", "rule"], message=None, phone_call=None),
                name="credit_correction_touch",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="credit_correction_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.verdict}"
