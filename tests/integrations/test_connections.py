"""Connections: credentials at rest, numbers, and the environment."""

from typing import Any

import pytest
from aiohttp import web
from django.db import IntegrityError, connection, transaction

from accounts.models import Account, AuditEntry
from integrations import connections
from integrations.encryption import CredentialsUnreadable
from integrations.messaging import ProviderError
from integrations.models import Connection, NumberPace, SendingNumber

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return Account.objects.create(name="Northwind Heating", slug="northwind", timezone="America/Chicago")


def make(account: Account, **credentials: str) -> Connection:
    return Connection.objects.create(account=account, provider="twilio", credentials=credentials)


def stored(made: Connection) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_connection WHERE id = %s", [made.pk])
        return str(cursor.fetchone()[0])


def test_credentials_are_ciphertext_in_the_database_and_plain_in_python(account: Account) -> None:
    made = make(account, auth_token="s3cret-token")
    assert "s3cret" not in stored(made)
    assert Connection.objects.get().credentials == {"auth_token": "s3cret-token"}


def test_a_former_key_still_reads_and_a_save_writes_with_the_present_one(
    account: Account, settings: Any
) -> None:
    settings.SECRET_KEY = "first-key"
    made = make(account, auth_token="t")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "second-key", ["first-key"]
    Connection.objects.get().save()
    settings.SECRET_KEY_FALLBACKS = []
    assert Connection.objects.get(pk=made.pk).credentials == {"auth_token": "t"}
    settings.SECRET_KEY = "third-key"
    with pytest.raises(CredentialsUnreadable):
        Connection.objects.get(pk=made.pk)


@pytest.mark.parametrize("e164", ["5125550142", "+0125550142", "+1512", "+1512555014a", ""])
def test_a_sending_number_must_be_e164(account: Account, e164: str) -> None:
    made = make(account)
    with pytest.raises(IntegrityError), transaction.atomic():
        SendingNumber.objects.create(account=account, connection=made, e164=e164)


def test_a_sending_number_exists_once_in_the_deployment(account: Account) -> None:
    other = Account.objects.create(name="Other", slug="other", timezone="America/Chicago")
    SendingNumber.objects.create(account=account, connection=make(account), e164="+15125550100")
    with pytest.raises(IntegrityError), transaction.atomic():
        SendingNumber.objects.create(account=other, connection=make(other), e164="+15125550100")
    found = SendingNumber.objects.receiving("+15125550100")
    assert found is not None
    assert found.account == account


def test_a_number_needs_a_rate(account: Account) -> None:
    made = make(account)
    with pytest.raises(IntegrityError), transaction.atomic():
        SendingNumber.objects.create(
            account=account, connection=made, e164="+15125550100", segments_per_second=0
        )


def number(sid: str, e164: str, sms: bool = True) -> dict[str, Any]:
    return {
        "sid": sid,
        "phone_number": e164,
        "friendly_name": f"Line {e164[-4:]}",
        "capabilities": {"voice": True, "sms": sms, "mms": sms},
    }


PAGES = {
    "": [number("PN1", "+15125550100"), number("PN2", "+15125550101", sms=False)],
    "1": [number("PN3", "+15125550102")],
}


async def owned(request: web.Request) -> web.StreamResponse:
    page = request.query.get("Page", "")
    path = request.path
    body = {
        "incoming_phone_numbers": PAGES[page],
        "next_page_uri": f"{path}?Page=1&PageToken=PA" if page == "" else None,
        "page": int(page or 0),
        "page_size": 2,
        "uri": path,
    }
    return web.json_response(body)


def environment(url: str, **changes: str) -> dict[str, str]:
    return {
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_API_BASE_URL": url,
        "SENDGRID_API_KEY": "SG.key",
        "SERVICETITAN_CLIENT_ID": "only one of four",
        **changes,
    }


def test_the_environment_connects_what_is_complete_and_brings_the_numbers(
    server: Any, account: Account
) -> None:
    server.handler = owned
    made = connections.ensure_from_environment(account, environment(server.url))
    assert [c.provider for c in made] == ["twilio", "sendgrid"]
    twilio = connections.for_account(account, "twilio")
    assert twilio is not None
    assert connections.twilio_tokens(twilio) == ("token",)
    assert twilio.settings == {"account_sid": "AC1", "base_url": server.url}
    numbers = list(SendingNumber.objects.order_by("e164"))
    assert [(n.e164, n.provider_sid, n.label, n.segments_per_second) for n in numbers] == [
        ("+15125550100", "PN1", "Line 0100", 1),
        ("+15125550102", "PN3", "Line 0102", 1),
    ]
    assert NumberPace.objects.count() == 2
    assert connections.for_account(account.pk, "servicetitan") is None


def test_starting_again_changes_nothing_and_new_values_replace_old_ones(
    server: Any, account: Account
) -> None:
    server.handler = owned
    connections.ensure_from_environment(account, environment(server.url))
    SendingNumber.objects.filter(e164="+15125550100").update(label="Office", segments_per_second=3)
    before = stored(Connection.objects.get(provider="twilio"))
    connections.ensure_from_environment(account, environment(server.url))
    assert stored(Connection.objects.get(provider="twilio")) == before, "unchanged values are not rewritten"
    connections.ensure_from_environment(account, environment(server.url, TWILIO_AUTH_TOKEN="rotated"))
    twilio = Connection.objects.get(provider="twilio")
    assert twilio.credentials == {"auth_token": "rotated"}
    kept = SendingNumber.objects.get(e164="+15125550100")
    assert (kept.label, kept.segments_per_second) == ("Office", 3)
    assert SendingNumber.objects.count() == 2


def test_what_the_environment_connects_and_changes_is_in_the_audit_log(server: Any, account: Account) -> None:
    server.handler = owned
    connections.ensure_from_environment(account, environment(server.url))
    connections.ensure_from_environment(account, environment(server.url))  # nothing new, no entry
    connections.ensure_from_environment(account, environment(server.url, TWILIO_AUTH_TOKEN="rotated"))
    entries = AuditEntry.objects.filter(account=account).order_by("pk")
    assert [(entry.verb, entry.by, entry.detail["changed"]) for entry in entries] == [
        ("connected", None, ["account_sid", "auth_token", "base_url"]),
        ("connected", None, ["api_key"]),
        ("changed_connection", None, ["auth_token"]),
    ]
    told = " ".join(f"{entry.summary} {entry.detail}" for entry in entries)
    assert "rotated" not in told and "SG.key" not in told and "AC1" not in told


def test_a_provider_that_cannot_be_reached_is_connected_all_the_same(server: Any, account: Account) -> None:
    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="down")

    server.handler = down
    with pytest.raises(ProviderError):
        connections.ensure_from_environment(account, environment(server.url))
    assert Connection.objects.filter(account=account).count() == 2
