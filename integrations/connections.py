"""Which account reaches which provider, and connecting the first account from the environment."""

from collections.abc import Mapping

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from integrations.models import Connection, NumberPace, SendingNumber
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import ServiceTitanClient, shared
from integrations.twilio import numbers as twilio
from integrations.twilio.client import TwilioAccess

Provider = Connection.Provider

# Environment variable -> where its value is kept. Credentials are encrypted, settings are not.
_CREDENTIALS: dict[str, dict[str, str]] = {
    Provider.TWILIO: {"TWILIO_AUTH_TOKEN": "auth_token"},
    Provider.SENDGRID: {"SENDGRID_API_KEY": "api_key"},
    Provider.SERVICETITAN: {
        "SERVICETITAN_CLIENT_ID": "client_id",
        "SERVICETITAN_CLIENT_SECRET": "client_secret",
        "SERVICETITAN_APP_KEY": "app_key",
        "SERVICETITAN_WEBHOOK_KEY": "webhook_key",
    },
}
_SETTINGS: dict[str, dict[str, str]] = {
    Provider.TWILIO: {"TWILIO_ACCOUNT_SID": "account_sid", "TWILIO_API_BASE_URL": "base_url"},
    Provider.SENDGRID: {
        "SENDGRID_API_BASE_URL": "base_url",
        "SENDGRID_WEBHOOK_PUBLIC_KEY": "webhook_public_key",
    },
    Provider.SERVICETITAN: {
        "SERVICETITAN_TENANT_ID": "tenant_id",
        "SERVICETITAN_API_BASE_URL": "base_url",
        "SERVICETITAN_AUTH_BASE_URL": "auth_base_url",
        "SERVICETITAN_BOOKING_PROVIDER_ID": "booking_provider_id",
    },
}
# Without these a provider is not connected at all.
_REQUIRED: dict[str, tuple[str, ...]] = {
    Provider.TWILIO: ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
    Provider.SENDGRID: ("SENDGRID_API_KEY",),
    Provider.SERVICETITAN: (
        "SERVICETITAN_CLIENT_ID",
        "SERVICETITAN_CLIENT_SECRET",
        "SERVICETITAN_APP_KEY",
        "SERVICETITAN_TENANT_ID",
    ),
}


def for_account(account: Account | int, provider: str) -> Connection | None:
    """The account's connection to `provider`, or None where it has none."""
    account_id = account if isinstance(account, int) else account.pk
    return Connection.objects.of(account_id, provider).first()


class NotConnected(Exception):
    """The account has no connection to that provider."""


def servicetitan(account: Account) -> ServiceTitanClient:
    """The account's ServiceTitan client, shared by the process. Raises NotConnected."""
    connection = for_account(account, Provider.SERVICETITAN)
    if connection is None:
        raise NotConnected("ServiceTitan is not connected")
    return shared(ServiceTitanAccess.of(connection))


def twilio_tokens(connection: Connection) -> tuple[str, ...]:
    """The auth tokens a webhook may be signed with: primary, then secondary during a rotation."""
    names = ("auth_token", "secondary_auth_token")
    return tuple(token for name in names if (token := connection.credentials.get(name)))


def ensure_from_environment(account: Account, environ: Mapping[str, str]) -> list[Connection]:
    """Connect `account` to every provider whose variables are all set; change what has changed.

    Twilio's numbers are listed and kept as SendingNumbers. Running it again changes nothing. Returns the
    connections made or kept. Raises ProviderError where Twilio cannot be asked for its numbers; what
    was connected before that stays connected.
    """
    connected = []
    for provider, required in _REQUIRED.items():
        if all(environ.get(name) for name in required):
            connected.append(_ensure(account, provider, environ))
    for connection in connected:
        if connection.provider == Provider.TWILIO:
            sync_numbers(connection)
    return connected


def sync_numbers(connection: Connection) -> list[SendingNumber]:
    """Keep the texting numbers of a Twilio account as SendingNumbers: new ones added, known ones left.

    Label, rate and the active switch belong to people once a number is here. A number that another
    account already has is left there. Raises ProviderError.
    """
    owned = [n for n in twilio.list_numbers(TwilioAccess.of(connection)) if n.can_text]
    with transaction.atomic():
        SendingNumber.objects.bulk_create(
            [
                SendingNumber(
                    account_id=connection.account_id,
                    connection=connection,
                    e164=number.e164,
                    label=number.label[:80],
                    provider_sid=number.sid,
                )
                for number in owned
            ],
            ignore_conflicts=True,
        )
        numbers = list(SendingNumber.objects.filter(connection=connection).order_by("id"))
        NumberPace.objects.ensure([number.pk for number in numbers])
    return numbers


def _ensure(account: Account, provider: str, environ: Mapping[str, str]) -> Connection:
    credentials = {key: environ[name] for name, key in _CREDENTIALS[provider].items() if environ.get(name)}
    settings = {key: environ[name] for name, key in _SETTINGS[provider].items() if environ.get(name)}
    connection = Connection.objects.of(account.pk, provider).first()
    if connection is None:
        connection = Connection(account=account, provider=provider, credentials={}, settings={})
    # Settings without a variable (a booking provider chosen on the settings page) stay.
    merged = {**connection.settings, **settings}
    for name, key in _SETTINGS[provider].items():
        if key.endswith("base_url") and not environ.get(name):
            merged.pop(key, None)  # unset means the provider's own address
    secrets = {**connection.credentials, **credentials}
    if connection.pk is None or (connection.credentials, connection.settings) != (secrets, merged):
        _store(connection, secrets, merged)
    return connection


def named_by(connection: Connection, environ: Mapping[str, str]) -> list[str]:
    """The variables that this connection's values come from, where every one of them is the environment's.

    Whatever is changed here would be changed back at the next start.
    """
    names = {**_CREDENTIALS[connection.provider], **_SETTINGS[connection.provider]}
    kept = {**connection.credentials, **connection.settings}
    given = {name: key for name, key in names.items() if environ.get(name)}
    required = _REQUIRED[connection.provider]
    if not all(name in given and kept.get(given[name]) == environ[name] for name in required):
        return []
    return sorted(given)


def addresses(
    kept: Connection | None, *, same: bool, provider: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """Where the provider answers, for credentials that somebody types; nothing for its own address.

    `same` says that they are for the account that is connected already: then the address stays. For
    another, a sandbox's does not, and the environment's holds where it is no sandbox's.
    """
    wanted = {key: name for name, key in _SETTINGS[provider].items() if key.endswith("base_url")}
    present = kept.settings if kept is not None else {}
    if same:
        return {key: present[key] for key in wanted if present.get(key)}
    sandbox = environ.get("TRUCKROLL_SANDBOX_URL")
    named = {key: environ.get(name, "") for key, name in wanted.items()}
    return {key: url for key, url in named.items() if url and url != sandbox}


def keep(
    account: Account, provider: str, *, secrets: dict[str, str], settings: dict[str, str], by: User
) -> Connection:
    """Keep credentials that somebody typed and that were tried. Other settings of the connection stay."""
    connection = Connection.objects.of(account.pk, provider).first()
    if connection is None:
        connection = Connection(account=account, provider=provider, credentials={}, settings={})
    ours = set(_SETTINGS[provider].values())
    others = {key: value for key, value in connection.settings.items() if key not in ours}
    _store(connection, {**connection.credentials, **secrets}, {**others, **settings}, by=by)
    return connection


@transaction.atomic
def _store(
    connection: Connection, secrets: dict[str, str], settings: dict[str, str], by: User | None = None
) -> None:
    """Keep these values, with an entry of which are new, never of the values."""
    verb, said = ("changed_connection", "Changed") if connection.pk else ("connected", "Connected")
    before = {**connection.credentials, **connection.settings}
    after = {**secrets, **settings}
    changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    connection.credentials, connection.settings = secrets, settings
    connection.save()
    source = "" if by else " from the environment"
    audit.record(
        account=connection.account,
        by=by,
        verb=verb,
        on=connection,
        summary=f"{said} {connection.get_provider_display()}{source}: {', '.join(changed)}",
        detail={"changed": changed},
    )
