from django.conf import settings
from django.db import models

from common import clock


class SyncStop(models.Model):
    """Somebody stopped the account's sync with ServiceTitan; gone once it goes on."""

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="sync_stop")
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
