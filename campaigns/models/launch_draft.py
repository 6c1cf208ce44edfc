import uuid
from typing import Any

from django.db import models

from common import clock


class LaunchDraft(models.Model):
    """What somebody has typed towards a launch and not yet launched; one per person and account.

    `fields` holds the form's raw values, right or wrong, so that nothing typed is ever lost. The token
    becomes the campaign's launch token: whatever is posted twice with it leads to one campaign.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="launch_drafts")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="launch_drafts")
    token = models.UUIDField(default=uuid.uuid4, unique=True)
    stage = models.CharField(max_length=12, blank=True, default="", help_text="Where the person was last")
    fields = models.JSONField(default=dict, blank=True, help_text="Raw values by field name")
    reviewed = models.JSONField(
        default=dict, blank=True, help_text="Figures of the last review: admitted, matched, excluded"
    )
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "user"], name="launchdraft_one_per_person")]

    def __str__(self) -> str:
        return self.name or "New campaign"

    @property
    def name(self) -> str:
        """The campaign's name as typed so far."""
        return str(self.fields.get("name", "")).strip()

    @property
    def begun(self) -> bool:
        """Whether there is anything in it that somebody could miss."""
        return any(value not in ("", [], {}, None) for value in self._typed().values())

    def _typed(self) -> dict[str, Any]:
        return {key: value for key, value in self.fields.items() if key != "start"}
