"""Who signed: known without a query, never for long."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from twilio.request_validator import RequestValidator

from common import kept
from integrations.models import Connection
from integrations.twilio import signers
from tests import factories

pytestmark = pytest.mark.django_db
URL = "https://truckroll.example/webhooks/twilio/messages/status/1"
FORM = {"AccountSid": "ACone", "MessageStatus": "sent"}


@pytest.fixture
def stored() -> Connection:
    found = factories.make_number(factories.make_account(), "+13125550190").connection
    found.settings, found.credentials = {"account_sid": "ACone"}, {"auth_token": "old"}
    found.save()
    return found


def signed(token: str) -> list[int]:
    headers = {"X-Twilio-Signature": RequestValidator(token).compute_signature(URL, FORM)}
    return signers.who_signed(URL, FORM, headers, account_sid="ACone")


def test_what_is_known_is_asked_once(stored: Connection) -> None:
    assert signed("old") == [stored.account_id]
    with CaptureQueriesContext(connection) as queries:
        assert [signed("old") for _ in range(3)] == [[stored.account_id]] * 3
    assert not queries.captured_queries


def test_a_new_secret_is_honoured_at_once_and_the_old_one_is_then_gone(stored: Connection) -> None:
    assert signed("old")
    stored.credentials = {"auth_token": "new"}
    stored.save()
    assert signed("new") == [stored.account_id]
    assert signed("old") == []


def test_a_secret_that_was_taken_away_is_soon_refused(
    stored: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signed("old")
    Connection.objects.filter(pk=stored.pk).update(settings={"account_sid": "ACother"})
    monkeypatch.setattr(kept, "FRESH_SECONDS", 0.0)
    assert signed("old") == []


def test_while_one_reads_the_others_go_on_but_not_for_long(
    stored: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signed("old")
    Connection.objects.filter(pk=stored.pk).update(settings={"account_sid": "ACother"})
    monkeypatch.setattr(kept, "FRESH_SECONDS", 0.0)
    with signers._kept._reading:
        assert signed("old") == [stored.account_id]
        monkeypatch.setattr(kept, "KEPT_SECONDS", 0.0)
        assert signed("old") == []


def test_strangers_fill_no_memory(stored: Connection) -> None:
    for number in range(3):
        assert signers.who_signed(URL, FORM, {"X-Twilio-Signature": "x"}, account_sid=f"AC{number}") == []
    assert not signers._kept._kept
