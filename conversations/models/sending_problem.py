"""That a provider's code asks somebody for something: since when, last when, from which sender."""

from django.db import models
from django.db.models import F, Q

from common import clock


class SendingProblem(models.Model):
    """One per account, sender, campaign and code. How often it came is counted where messages are counted."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, db_index=False)
    number = models.ForeignKey(
        "integrations.SendingNumber", null=True, blank=True, on_delete=models.CASCADE, db_index=False
    )
    lane = models.ForeignKey(
        "conversations.Lane", null=True, blank=True, on_delete=models.CASCADE, db_index=False
    )
    code = models.CharField(max_length=40)
    remedy = models.CharField(max_length=20)
    first_at = models.DateTimeField(default=clock.now)
    last_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "code", "number", "lane"], name="sendingproblem_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(last_at__gte=F("first_at")), name="sendingproblem_last"),
        ]
        indexes = [models.Index(fields=["account", "-last_at"], name="sendingproblem_latest")]

    def __str__(self) -> str:
        return f"{self.code} since {self.first_at:%Y-%m-%d}"
