"""That an account sends nothing for now: who said so, when and why."""

from django.db import models
from django.db.models import F, Q

from common import clock


class SendingPauseQuerySet(models.QuerySet["SendingPause"]):
    """Questions about pauses of everything."""

    def in_force(self, account_id: int) -> "SendingPause | None":
        """The pause that holds this account's sending now."""
        return self.filter(account=account_id, lifted_at=None).select_related("by").first()


class SendingPause(models.Model):
    """One pause of everything. A row in force is all there is to it: lease and claim look for it."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="sending_pauses")
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=200, blank=True, default="")
    agents_too = models.BooleanField(default=False, help_text="Hold what people write by hand, too")
    let_go = models.PositiveIntegerField(
        null=True, blank=True, help_text="Texts that were being handed over at that moment and left"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = SendingPauseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(lifted_at=None), name="sendingpause_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None) | Q(lifted_at__gte=F("at")),
                name="sendingpause_ends_after_it_began",
            ),
            models.CheckConstraint(
                condition=Q(lifted_by=None) | Q(lifted_at__isnull=False), name="sendingpause_lifter_lifted"
            ),
        ]
        indexes = [models.Index(fields=["account", "-at"], name="sendingpause_history")]

    def __str__(self) -> str:
        return f"everything paused at {self.at:%Y-%m-%d %H:%M}"
