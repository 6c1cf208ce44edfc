from django.conf import settings
from django.db import models
from django.db.models import F, Q

from common import clock


class RecountRun(models.Model):
    """One comparison of an account's counters with their rows, campaign by campaign.

    Written after every campaign, so that a killed worker goes on where the last one came to.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="recounts")
    asked_at = models.DateTimeField(default=clock.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="Blank: the nightly one",
    )  # fmt: skip
    finished_at = models.DateTimeField(null=True, blank=True)
    cursor = models.BigIntegerField(default=0, help_text="The last campaign compared")
    campaigns = models.PositiveIntegerField(default=0, help_text="Campaigns compared so far")
    cells = models.PositiveBigIntegerField(default=0, help_text="Cells compared so far")
    differing = models.PositiveBigIntegerField(default=0, help_text="Cells that disagreed")
    differences = models.JSONField(default=list, blank=True, help_text="The first, as `recount` tells them")
    tries = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Begun for the campaign after the cursor, and not ended"
    )
    why = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="How the last of them broke off"
    )
    parked = models.JSONField(
        default=list, db_default=[], blank=True, help_text="Campaigns given up: [campaign, why]"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(finished_at=None), name="recountrun_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(finished_at__gte=F("asked_at")),
                name="recountrun_ends_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["account", "-asked_at"], name="recountrun_history")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.asked_at:%F %R}: {self.differing} of {self.cells} differ"
