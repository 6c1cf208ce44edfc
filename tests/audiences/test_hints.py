"""ServiceTitan's webhooks: signed, stored once, and followed by few fetches."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from audiences import hints, sync_stops, tasks
from audiences.models import Contact, HintTally, Job, SyncCursor
from common import clock, sql
from integrations.models import Connection, ProviderEvent
from integrations.servicetitan import client as servicetitan
from integrations.servicetitan import signers, webhooks
from integrations.servicetitan.client import ServiceTitanClient
from tests import factories
from tests.product import wait_for
from tests.sandbox_process import SandboxProcess, sandbox  # noqa: F401  (fixture)

PATH = "/webhooks/servicetitan"
KEY = "key-of-the-webhooks-of-comfort-air-1"


@pytest.fixture(autouse=True)
def nobody_remembers() -> Iterator[None]:
    signers.forget()
    yield
    signers.forget()


def connect(account: Account, source: SandboxProcess | None = None, key: str = KEY) -> Connection:
    """A connection whose webhooks are signed with `key`."""
    keys = source.credentials if source else {}
    url = source.base_url if source else "http://127.0.0.1:9"
    secrets = {name: keys.get(name, "x") for name in ("client_id", "client_secret", "app_key")}
    return Connection.objects.create(
        account=account, provider="servicetitan",
        credentials=secrets | ({"webhook_key": key} if key else {}),
        settings={"tenant_id": keys.get("tenant_id", "1"), "base_url": url, "auth_base_url": url},
    )  # fmt: skip


def tell(client: Client, body: Any, key: str = KEY, **headers: str) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-ServiceTitan-Signature": webhooks.sign(raw, key)} | headers
    return client.post(PATH, raw, content_type="application/json", headers=headers).status_code


def job_event(number: int, event: str = "") -> dict[str, Any]:
    return {"eventId": event or f"e-{number}", "eventType": "job.created", "data": {"id": number}}


def follow() -> int:
    return hints.follow(now=clock.now())


@pytest.mark.django_db
class TestDoor:
    """What is let in."""

    def test_signed_hints_are_stored_once_and_answered_at_once(self, client: Client) -> None:
        account = factories.make_account()
        connect(account)
        assert [tell(client, job_event(7)) for _ in range(3)] == [204] * 3
        event = ProviderEvent.objects.get()
        assert (event.account_id, event.kind, event.applied_at) == (account.pk, "source_changed", None)
        assert event.payload == {"hints": [{"entity": "jobs", "id": 7}]}

    @pytest.mark.parametrize("signature", ["", "00", "ünicode", webhooks.sign(b"{}", KEY)])
    def test_what_is_not_signed_is_refused(self, client: Client, signature: str) -> None:
        connect(factories.make_account())
        header = {"X-ServiceTitan-Signature": signature.encode().decode("latin-1")}
        assert tell(client, job_event(7), **header) == 403
        assert not ProviderEvent.objects.exists()

    def test_a_connection_without_a_key_lets_nobody_in(self, client: Client) -> None:
        connect(factories.make_account(), key="")
        assert tell(client, job_event(7), key="") == 403
        assert tell(client, job_event(7)) == 403

    def test_the_key_decides_whose_hint_it_is(self, client: Client) -> None:
        connect(factories.make_account())
        other = factories.make_account()
        connect(other, key="another-key-of-another-contractor-12")
        assert tell(client, job_event(7), key="another-key-of-another-contractor-12") == 204
        assert ProviderEvent.objects.get().account_id == other.pk

    def test_unreadable_credentials_of_one_account_shut_no_other_out(self, client: Client) -> None:
        broken = connect(factories.make_account())
        sql.run("UPDATE integrations_connection SET credentials = 'gibberish' WHERE id = %s", [broken.pk])
        connect(factories.make_account(), key="another-key-of-another-contractor-12")
        assert tell(client, job_event(7), key="another-key-of-another-contractor-12") == 204
        assert tell(client, job_event(7)) == 403

    def test_nothing_is_parsed_before_it_is_verified(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(factories.make_account())
        monkeypatch.setattr(webhooks, "hints", lambda body: pytest.fail("parsed"))
        assert tell(client, job_event(7), key="wrong") == 403

    def test_what_is_too_large_is_not_read(self, client: Client) -> None:
        connect(factories.make_account())
        assert tell(client, b" " * (webhooks.MAX_BYTES + 1)) == 413
        assert tell(client, b" " * webhooks.MAX_BYTES) == 204

    def test_only_posts(self, client: Client) -> None:
        assert client.get(PATH).status_code == 405


@pytest.fixture
def source(sandbox: SandboxProcess) -> Iterator[SandboxProcess]:  # noqa: F811
    yield sandbox
    for stored in Connection.objects.filter(provider="servicetitan", credentials__isnull=False):
        servicetitan.shared(tasks.ServiceTitanAccess.of(stored)).close()
    servicetitan.shared.cache_clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Requests to the source, as (path, ids)."""
    found: list[tuple[str, str]] = []
    real = ServiceTitanClient._list

    def noting(self: Any, module: str, path: str, kind: Any, query: dict[str, Any]) -> Any:
        found.append((path, query.get("ids", query.get("customerIds", ""))))
        return real(self, module, path, kind, query)

    monkeypatch.setattr(ServiceTitanClient, "_list", noting)
    return found


def job_at(source: SandboxProcess, number: int) -> None:
    source.put_servicetitan(
        "jobs", id=number, customerId=1, locationId=1, jobStatus="Scheduled", businessUnitId=1, jobTypeId=1,
        createdOn="2026-11-01T12:00:00Z",
    )  # fmt: skip


@pytest.mark.django_db
class TestFollowing:
    """What hints lead to."""

    def test_a_flood_of_hints_makes_few_fetches(
        self, client: Client, source: SandboxProcess, asked: list[tuple[str, str]]
    ) -> None:
        account = factories.make_account()
        connect(account, source)
        for number in range(60):
            job_at(source, 880_001 + number)
        for event in range(300):
            number = 880_001 + event % 60
            assert tell(client, job_event(number, f"e{event}")) == 204
        assert follow() == 300
        assert [path for path, _ in asked] == ["jobs", "jobs"]
        assert Job.objects.filter(account=account).count() == 60
        assert follow() == 0 and HintTally.objects.get(account=account).hints == 300

    def test_what_is_true_is_fetched_whatever_the_hint_says(
        self, client: Client, source: SandboxProcess
    ) -> None:
        account = factories.make_account()
        connect(account, source)
        job_at(source, 881_000)
        body = job_event(881_000)
        body["data"] |= {"jobStatus": "Completed", "customerId": 99}
        assert tell(client, body) == 204
        assert follow() == 1
        job = Job.objects.get(account=account)
        assert (job.status, job.servicetitan_customer_id) == ("Scheduled", 1)

    def test_a_vague_hint_reads_the_lists_on_once_a_minute(
        self, client: Client, source: SandboxProcess
    ) -> None:
        account = factories.make_account()
        connect(account, source)
        assert tell(client, {"eventType": "technician.changed"}) == 204
        assert follow() == 1
        assert SyncCursor.objects.get(account=account, entity="jobs").complete_at
        assert tell(client, {"eventType": "technician.moved"}) == 204
        assert follow() == 0, "a minute has not passed"
        later = clock.now() + timedelta(seconds=61)
        assert hints.follow(now=later) == 1

    def test_a_flood_for_one_account_keeps_no_other_waiting(
        self, client: Client, source: SandboxProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flooded, other = factories.make_account(), factories.make_account()
        connect(flooded, source)
        connect(other, source, key="another-key-of-another-contractor-12")
        SyncCursor.objects.create(account=flooded, entity="jobs", synced_at=clock.now())
        monkeypatch.setattr(hints, "BATCH", 2)
        for number in range(5):
            assert tell(client, {"eventType": "technician.moved", "eventId": f"t{number}"}) == 204
        job_at(source, 884_000)
        assert tell(client, job_event(884_000), key="another-key-of-another-contractor-12") == 204
        assert follow() == 1
        assert Job.objects.get(account=other).servicetitan_id == 884_000
        assert hints.follow(now=clock.now() + timedelta(seconds=61)) == 5, "the lists say what all five meant"

    def test_a_source_that_does_not_answer_is_left_to_the_sync(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servicetitan, "PATIENCE_SECONDS", 0.0)
        connect(factories.make_account())
        assert tell(client, job_event(7)) == 204
        assert follow() == 1
        assert ProviderEvent.objects.get().outcome.startswith("not fetched")

    def test_a_stopped_sync_stands_still(self, client: Client, asked: list[tuple[str, str]]) -> None:
        account = factories.make_account()
        connect(account)
        sync_stops.stop(account, by=factories.make_user(account))
        assert tell(client, job_event(7)) == 204
        assert follow() == 1 and asked == []

    def test_the_sandbox_tells_of_changes_and_the_product_believes_it(
        self, client: Client, source: SandboxProcess
    ) -> None:
        """The simulated provider's own signature and envelope, as they travel."""
        account = factories.make_account()
        connect(account, source, key=source.credentials["webhook_key"])
        source.set_faults(servicetitan={"hints": True})
        source.set_webhook_base("http://127.0.0.1:9")  # nobody there: it tells again later
        job_at(source, 882_000)
        told = source.wait_for("hint", 2)
        assert told[0]["error"] and told[1]["tries"] == 2
        raw = told[0]["body"].encode()
        assert tell(client, raw, key=source.credentials["webhook_key"]) == 204
        assert follow() == 1
        assert Job.objects.get(account=account).servicetitan_id == 882_000


@pytest.mark.django_db(transaction=True)
def test_a_change_at_the_source_arrives_by_webhook(live_server: Any, source: SandboxProcess) -> None:
    account = factories.make_account()
    connect(account, source, key=source.credentials["webhook_key"])
    contact = factories.make_contact(account, servicetitan_customer_id=883_000)
    source.set_webhook_base(live_server.url)
    source.set_faults(servicetitan={"hints": True})
    home = {"street": "1 Main St", "unit": None, "city": "Chicago", "state": "IL", "zip": "60601"}
    source.put_servicetitan(
        "customers", id=883_000, name="Pat", type="Residential", address=home, doNotService=True
    )
    wait_for(lambda: bool(source.ledger("hint")), seconds=30, what="webhook")
    assert source.ledger("hint")[0]["answer"] == 204
    assert tasks.follow_hints() == 1
    assert Contact.objects.get(pk=contact.pk).do_not_service
