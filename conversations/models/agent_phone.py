from django.db import models
from django.db.models import Q


class AgentPhone(models.Model):
    """The phone on which an agent makes and takes calls in one account, and whether transfers may ring it.

    `seen_at` moves while the call queue is open in a browser; somebody unseen for a minute is rung no more.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="agent_phones")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="agent_phones")
    phone = models.CharField(max_length=16, help_text="E.164")
    available_since = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="agentphone_once"),
            models.CheckConstraint(condition=Q(phone__regex=r"^\+[1-9]\d{6,14}$"), name="agentphone_e164"),
        ]

    def __str__(self) -> str:
        return self.phone
