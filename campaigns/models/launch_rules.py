from django.db import models


class LaunchRules(models.Model):
    """What an account asks of its launches; without a row, nothing."""

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="launch_rules")
    approval_above = models.PositiveIntegerField(
        null=True, blank=True, help_text="Launches to more people need a second person; blank: none does"
    )

    def __str__(self) -> str:
        return f"{self.account_id}: {self.approval_above}"
