"""What it takes to speak for one ServiceTitan tenant."""

from dataclasses import dataclass

from integrations.models import Connection

API_BASE_URL = "https://api.servicetitan.io"
AUTH_BASE_URL = "https://auth.servicetitan.io"


@dataclass(frozen=True, slots=True)
class ServiceTitanAccess:
    """Credentials of one tenant; the app key is ours for all of them."""

    client_id: str
    client_secret: str
    app_key: str
    tenant_id: str
    base_url: str = API_BASE_URL
    auth_base_url: str = AUTH_BASE_URL
    booking_provider_id: int | None = None  # None: the tenant's first booking provider tag

    @classmethod
    def of(cls, connection: Connection) -> "ServiceTitanAccess":
        """Read a stored connection."""
        secrets, settings = connection.credentials, connection.settings
        provider = settings.get("booking_provider_id")
        return cls(
            client_id=secrets["client_id"],
            client_secret=secrets["client_secret"],
            app_key=secrets["app_key"],
            tenant_id=str(settings["tenant_id"]),
            base_url=(settings.get("base_url") or API_BASE_URL).rstrip("/"),
            auth_base_url=(settings.get("auth_base_url") or AUTH_BASE_URL).rstrip("/"),
            booking_provider_id=int(provider) if provider else None,
        )
