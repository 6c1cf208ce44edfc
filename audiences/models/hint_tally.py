from django.db import models


class HintTally(models.Model):
    """Whether ServiceTitan's webhooks arrive: how many hints so far, and the last."""

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="hint_tally")
    hints = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "hint tallies"

    def __str__(self) -> str:
        return f"{self.hints}"
