"""How one account reaches one provider."""

from django.db import models

from common import clock
from integrations.encryption import EncryptedJSONField


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Questions asked of connections."""

    def of(self, account_id: int, provider: str) -> "ConnectionQuerySet":
        """The connection of one account to one provider: one row or none."""
        return self.filter(account_id=account_id, provider=provider)


class Connection(models.Model):
    """Credentials (encrypted) and addresses (plain) of one provider for one account."""

    class Provider(models.TextChoices):
        """The vendors we have an adapter for."""

        TWILIO = "twilio", "Twilio"
        SENDGRID = "sendgrid", "SendGrid"
        SERVICETITAN = "servicetitan", "ServiceTitan"

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="connections")
    provider = models.CharField(max_length=20, choices=Provider)
    # Secrets only, as the provider names them (auth_token, api_key, client_secret ...).
    credentials = EncryptedJSONField(default=dict, blank=True)
    # Never secret: base_url, auth_base_url, tenant_id, account_sid ...
    settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "provider"], name="connection_once_per_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} of account {self.account_id}"
