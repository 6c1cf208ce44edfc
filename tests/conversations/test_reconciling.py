"""Calls whose answer was lost take turns at being looked up."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from accounts.models import Account
from common import clock, loops
from conversations import reconciling
from conversations.models import Message
from integrations.models import Connection
from tests import factories
from tests.conversations.conftest import Company, phone
from tests.product import wait_for


def test_texts_that_cannot_be_looked_up_now_do_not_hold_up_the_others(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.launch(3)
    company.sandbox.set_faults(accept_then_drop=1.0, callbacks={"drop": 1.0}, seed=1)
    company.run()
    company.sandbox.clear_faults()
    long_ago = clock.now() - timedelta(days=300)
    Message.objects.update(claimed_at=long_ago)
    # The two oldest were sent through a provider that does not answer now, and are all that one round takes.
    silent = factories.make_number(factories.make_account(), "+13125550177")
    oldest = Message.objects.filter(address__value__in=[phone(0), phone(1)])
    oldest.update(number=silent, claimed_at=long_ago - timedelta(days=1))
    monkeypatch.setattr(reconciling, "BATCH", 2)
    rounds = 0
    while not reconciling.reconcile_unknown(now=clock.now()):
        rounds += 1
        assert rounds < 40, "the youngest never had its turn"
    assert Message.objects.get(address__value=phone(2)).state != "unknown"
    assert set(oldest.values_list("state", flat=True)) == {"unknown"}


class _Refusing(BaseHTTPRequestHandler):
    """A provider that answers every request with 503."""

    def do_GET(self) -> None:
        """Count it and refuse."""
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_response(503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quietly."""


def lost_texts(account: Account, count: int, base_url: str) -> None:
    number = factories.make_number(account, f"+1312557{account.pk:04}", base_url=base_url)
    for index in range(count):
        contact = factories.make_contact(account, phone(index))
        Message.objects.create(
            account=account, contact=contact, address=factories.phone_of(contact), number=number,
            kind=Message.Kind.CAMPAIGN, body="Hello", state="unknown",
            claimed_at=datetime(2020, 1, 1, tzinfo=UTC),
        )  # fmt: skip


@pytest.fixture
def refusing() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    server.asked = 0  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
def test_a_provider_that_does_not_answer_is_asked_once_a_round(refusing: HTTPServer) -> None:
    lost_texts(factories.make_account(), 5, f"http://127.0.0.1:{refusing.server_port}")
    assert reconciling.reconcile_unknown(now=clock.now()) == 0
    assert refusing.asked == 1  # type: ignore[attr-defined]
    assert set(Message.objects.values_list("unknown_polls", flat=True)) == {0}


@pytest.mark.django_db
def test_a_round_ends_in_time_and_when_asked(refusing: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        lost_texts(factories.make_account(), 1, f"http://127.0.0.1:{refusing.server_port}")
    monkeypatch.setattr(loops, "_stopping", True)
    reconciling.reconcile_unknown(now=clock.now())
    assert refusing.asked == 0  # type: ignore[attr-defined]
    monkeypatch.setattr(loops, "_stopping", False)
    monkeypatch.setattr(reconciling, "_AT_ONCE", 1)
    reconciling.reconcile_unknown(now=clock.now(), seconds=0.000001)
    wait_for(lambda: refusing.asked == 1, what="the one list that was asked for")  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_connection_without_credentials_holds_up_nobody(refusing: HTTPServer) -> None:
    broken, other = factories.make_account(), factories.make_account()
    for account in (broken, other):
        lost_texts(account, 1, f"http://127.0.0.1:{refusing.server_port}")
    Connection.objects.filter(account=broken).update(credentials={})
    assert reconciling.reconcile_unknown(now=clock.now()) == 0
    assert refusing.asked == 1  # type: ignore[attr-defined]


def test_lists_are_asked_for_several_at_a_time(company: Company) -> None:
    company.launch(20)
    company.sandbox.set_faults(accept_then_drop=1.0, callbacks={"drop": 1.0}, seed=1)
    company.run()
    company.sandbox.clear_faults()
    Message.objects.update(claimed_at=clock.now() - timedelta(days=300))
    assert reconciling.reconcile_unknown(now=clock.now()) == 20
    assert not Message.objects.filter(state="unknown").exists()
    sids = {entry["sid"] for entry in company.sandbox.ledger("message")}
    assert set(Message.objects.values_list("provider_id", flat=True)) == sids
