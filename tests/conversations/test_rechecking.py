"""Fresh at the moment of sending: where the mirror is old, the source is asked about who is texted next."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection

from audiences import freshness, servicetitan_pages
from audiences.models import Contact, SourceFreshness, SyncCursor
from campaigns import engine
from campaigns.models import Campaign, Enrollment, Step
from common import clock
from conversations import claiming, email_leasing, leasing, rechecking
from conversations.models import Message
from integrations.models import Connection
from integrations.servicetitan import records
from integrations.servicetitan.client import ServiceTitanClient, shared
from tests import factories
from tests.conversations.test_lock_order import launched
from tests.sandbox_process import SandboxProcess

_ids = count(3_000_001)


@pytest.fixture
def now(noon: datetime, monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    """The clock, to be moved on by hand."""
    at = {"now": noon}
    monkeypatch.setattr(clock, "now", lambda: at["now"])
    return at


@pytest.fixture
def source(
    sandbox: SandboxProcess, now: dict[str, datetime], monkeypatch: pytest.MonkeyPatch
) -> Iterator[SandboxProcess]:
    """ServiceTitan, its clock and ours the same, and its clients closed afterwards. Nobody is patient."""
    monkeypatch.setattr("integrations.servicetitan.client.PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr("integrations.servicetitan.tokens.PAUSE_AFTER_FAILURE_SECONDS", 0.0)
    sandbox.set_clock_offset((now["now"] - datetime.now(now["now"].tzinfo)).total_seconds())

    def told() -> datetime:
        return datetime.fromisoformat(sandbox.http.get(f"{sandbox.base_url}/healthz").json()["wall"])

    until = time.monotonic() + 20
    while abs(told() - now["now"]) > timedelta(seconds=20):  # else some rows are of then, and some of now
        assert time.monotonic() < until, "the source keeps another time"
        time.sleep(0.02)
    rechecking._silent_until.clear()
    yield sandbox
    for stored in Connection.objects.filter(provider=Connection.Provider.SERVICETITAN):
        rechecking.shared(rechecking.ServiceTitanAccess.of(stored)).close()
    shared.cache_clear()
    rechecking._silent_until.clear()


def connected(sandbox: SandboxProcess, contacts: int = 2) -> Campaign:
    """A campaign whose first text is due to everybody; the mirror was last read an hour ago."""
    account = factories.make_account()
    keys = sandbox.credentials
    Connection.objects.create(
        account=account,
        provider=Connection.Provider.SERVICETITAN,
        credentials={name: keys[name] for name in ("client_id", "client_secret", "app_key")},
        settings={
            "tenant_id": keys["tenant_id"], "base_url": sandbox.base_url, "auth_base_url": sandbox.base_url,
        },
    )  # fmt: skip
    for index in range(contacts):
        known_to(sandbox, factories.make_contact(account, factories.reserved(index)))
    read(account, clock.now() - timedelta(hours=1))
    return launched(account)


def known_to(sandbox: SandboxProcess, contact: Contact) -> None:
    """The contact as the source has it."""
    pk = next(_ids)
    Contact.objects.filter(pk=contact.pk).update(servicetitan_customer_id=pk)
    home = {"street": "1 Main St", "unit": None, "city": "Chicago", "state": "IL", "zip": "60601"}
    sandbox.put_servicetitan("customers", id=pk, name=contact.name, type="Residential", address=home)
    phone = factories.phone_of(contact).value
    settings = {"phoneNumber": phone, "doNotText": False}
    sandbox.put_servicetitan(
        "contacts", id=pk, customerId=pk, type="MobilePhone", value=phone, phoneSettings=settings
    )


def books(sandbox: SandboxProcess, contact: Contact, at: datetime) -> None:
    """A job that the office made for the contact."""
    pk = contact.servicetitan_customer_id
    sandbox.put_servicetitan(
        "jobs", id=pk, customerId=pk, locationId=1, jobStatus="Scheduled", businessUnitId=1, jobTypeId=1,
        createdOn=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )  # fmt: skip


def read(account: Any, at: datetime) -> None:
    """The mirror was last read to its end then."""
    for entity in freshness.LISTS:
        SyncCursor.objects.update_or_create(account=account, entity=entity, defaults={"complete_at": at})


def pass_time(now: dict[str, datetime]) -> None:
    """Two hours later: what was put off is due again, and nobody remembers who was silent."""
    now["now"] += timedelta(hours=2, seconds=1)
    rechecking._silent_until.clear()
    engine.run_round(now=now["now"])


def lease() -> list[int]:
    return leasing.lease(10, now=clock.now())


def claimed() -> list[int]:
    return [claim.message_id for claim in claiming.claim(lease(), now=clock.now())]


def outcomes() -> list[tuple[str, str]]:
    """State and reason of every first text's step, by contact."""
    steps = Step.objects.filter(node__key="first_text").order_by("enrollment__contact")
    return list(steps.values_list("state", "reason"))


pytestmark = pytest.mark.django_db


def test_who_booked_meanwhile_is_not_asked_to_book(source: SandboxProcess, now: dict[str, datetime]) -> None:
    connected(source, 3)
    now["now"] += timedelta(minutes=1)
    booked, _, flagged = Contact.objects.order_by("pk")
    books(source, booked, clock.now())
    source.put_servicetitan("customers", id=flagged.servicetitan_customer_id, doNotService=True)
    assert lease() == [], "nobody was asked after yet"
    assert rechecking.work() == 3
    assert Enrollment.objects.get(contact=booked).ended_reason == "booked"
    assert len(claimed()) == 1
    assert outcomes() == [("skipped", "booked"), ("queued", ""), ("skipped", "do_not_service")]
    assert rechecking.work() == 0, "nothing is left to ask about"


def test_a_phone_that_takes_no_more_texts_is_skipped(source: SandboxProcess) -> None:
    connected(source, 1)
    customer = Contact.objects.get().servicetitan_customer_id
    phone = factories.phone_of(Contact.objects.get()).value
    settings = {"phoneNumber": phone, "doNotText": True}
    source.put_servicetitan("contacts", id=customer, phoneSettings=settings)
    assert rechecking.work() == 1
    assert claimed() == []
    assert outcomes() == [("skipped", "do_not_text")]


def test_a_phone_that_was_deleted_at_the_source_is_not_texted(source: SandboxProcess) -> None:
    campaign = connected(source, 2)
    gone, stays = Contact.objects.order_by("pk")
    servicetitan_pages.apply_contact_methods(
        campaign.account, [_method(gone, factories.phone_of(gone).value), _method(stays, "+13125550177")]
    )
    source.put_servicetitan("contacts", id=gone.servicetitan_customer_id, active=False)
    assert rechecking.work() == 2
    assert len(claimed()) == 1
    assert outcomes() == [("skipped", "no_address"), ("queued", "")]


def _method(of: Contact, phone: str) -> records.CustomerContact:
    pk = of.servicetitan_customer_id
    row = {"id": pk, "customerId": pk, "type": "MobilePhone", "value": phone}
    return records.CustomerContact.model_validate(row)


def test_a_mirror_that_is_young_enough_asks_nobody(source: SandboxProcess) -> None:
    campaign = connected(source)
    read(campaign.account, clock.now() - timedelta(minutes=10))
    source.set_faults(servicetitan={"unreachable": True})
    assert rechecking.work() == 0
    assert len(claimed()) == 2


def test_an_account_says_how_old_its_mirror_may_be(source: SandboxProcess) -> None:
    campaign = connected(source)
    SourceFreshness.objects.create(account=campaign.account, minutes=90)
    assert len(lease()) == 2
    SourceFreshness.objects.update(minutes=5)
    Message.objects.update(leased_until=None)
    assert lease() == []


@pytest.mark.parametrize("entity", freshness.LISTS)
def test_one_list_that_is_old_or_was_never_read_makes_the_mirror_old(
    source: SandboxProcess, entity: str
) -> None:
    campaign = connected(source, 1)
    read(campaign.account, clock.now())
    SyncCursor.objects.filter(entity=entity).update(complete_at=None)
    assert lease() == []


def test_who_was_asked_after_long_ago_is_asked_after_again(
    source: SandboxProcess, now: dict[str, datetime]
) -> None:
    """A text that waited out a pause is not sent on what was true before it."""
    connected(source, 1)
    assert rechecking.work() == 1
    now["now"] += timedelta(minutes=16)
    assert lease() == []
    assert rechecking.work() == 1
    assert len(lease()) == 1


def test_an_unreachable_source_puts_off_and_then_skips(
    source: SandboxProcess, now: dict[str, datetime]
) -> None:
    connected(source, 2)
    source.set_faults(servicetitan={"unreachable": True})
    assert rechecking.work() == 2
    assert outcomes() == [("scheduled", "")] * 2
    assert set(Step.objects.values_list("due_at", flat=True)) == {now["now"] + rechecking.PUT_OFF}
    assert lease() == []
    now["now"] += timedelta(minutes=5)
    Step.objects.update(due_at=now["now"])  # as where hours have changed
    engine.run_round(now=now["now"])
    assert (rechecking.work(), outcomes()) == (2, [("scheduled", "")] * 2), "two hours have not passed"
    pass_time(now)
    assert rechecking.work() == 2
    assert outcomes() == [("skipped", "source_unreachable")] * 2
    assert set(Message.objects.values_list("state", "code")) == {("cancelled", "source_unreachable")}


def test_a_source_that_answered_in_between_begins_anew(
    source: SandboxProcess, now: dict[str, datetime]
) -> None:
    campaign = connected(source, 1)
    source.set_faults(servicetitan={"unreachable": True})
    rechecking.work()
    read(campaign.account, now["now"] + timedelta(minutes=1))
    pass_time(now)
    assert rechecking.work() == 1
    assert outcomes() == [("scheduled", "")], "put off once more, not skipped"
    source.clear_faults()
    pass_time(now)
    assert rechecking.work() == 1
    assert len(claimed()) == 1
    assert Message.objects.get().recheck_failed_at is None


def test_a_source_that_says_too_fast_puts_nobody_off(source: SandboxProcess) -> None:
    connected(source, 1)
    source.set_faults(servicetitan={"http_429": 1.0})
    assert rechecking.work() == 0
    assert outcomes() == [("queued", "")]
    source.clear_faults()
    assert rechecking.work() == 1


def test_a_killed_recheck_leaves_everything_to_the_next(
    source: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(source, 2)
    real = ServiceTitanClient.by_ids

    def dies(self: ServiceTitanClient, entity: str, ids: list[int]) -> list[Any]:
        if entity == "contacts":
            raise KeyboardInterrupt  # as a killed process: nothing below it runs
        return real(self, entity, ids)

    monkeypatch.setattr(ServiceTitanClient, "by_ids", dies)
    with pytest.raises(KeyboardInterrupt):
        rechecking.work()
    assert outcomes() == [("queued", "")] * 2
    assert lease() == []
    monkeypatch.undo()
    monkeypatch.setattr(clock, "now", lambda: Message.objects.earliest("pk").created_at)
    assert rechecking.work() == 2
    assert len(lease()) == 2


def test_the_source_is_asked_in_batches_outside_of_any_transaction(
    source: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is locked while a vendor takes its time; a hundred people are a handful of requests."""
    connected(source, 60)
    asked: list[tuple[str, bool]] = []
    real = ServiceTitanClient._list
    outermost = len(connection.savepoint_ids)

    def noting(self: ServiceTitanClient, module: str, path: str, *rest: Any) -> Any:
        asked.append((path, len(connection.savepoint_ids) == outermost))
        return real(self, module, path, *rest)

    monkeypatch.setattr(ServiceTitanClient, "_list", noting)
    assert rechecking.work() == 60
    paths = [path for path, _ in asked]
    assert sorted(paths) == sorted(["customers", "customers/contacts"] * 2 + ["jobs", "bookings"])
    assert all(outside for _, outside in asked)


def test_a_mirror_never_read_asks_for_the_jobs_of_each(
    source: SandboxProcess, now: dict[str, datetime]
) -> None:
    campaign = connected(source, 2)
    now["now"] += timedelta(minutes=1)
    SyncCursor.objects.all().delete()
    booked = Contact.objects.earliest("pk")
    books(source, booked, clock.now())
    assert rechecking.work() == 2
    assert len(claimed()) == 1
    assert Enrollment.objects.get(contact=booked).ended_reason == "booked"
    assert not SyncCursor.objects.filter(account=campaign.account).exists(), "no sync was it"


def test_where_too_much_changed_each_batch_is_asked_for_its_own_jobs(
    source: SandboxProcess, now: dict[str, datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first batch was told is about its own people; the second's had booked long before that."""
    connected(source, 3)
    first, *booked = Message.objects.order_by("due_at", "pk").values_list("contact", flat=True)
    for contact in Contact.objects.filter(pk__in=booked):
        books(source, contact, clock.now() + timedelta(minutes=1))
    now["now"] += timedelta(minutes=30)
    monkeypatch.setattr(freshness, "MOST_CHANGES", 1)
    monkeypatch.setattr(rechecking, "BATCH", 1)
    assert rechecking.work() == 3
    ended = Enrollment.objects.filter(ended_reason="booked").values_list("contact", flat=True)
    assert set(ended) == set(booked) and first not in booked


def test_people_that_the_source_does_not_know_are_not_asked_after(source: SandboxProcess) -> None:
    connected(source, 1)
    Contact.objects.update(servicetitan_customer_id=-5)
    source.set_faults(servicetitan={"unreachable": True})
    assert rechecking.work() == 1
    assert len(lease()) == 1


def test_agents_wait_for_no_source(source: SandboxProcess) -> None:
    campaign = connected(source, 1)
    Message.objects.update(
        kind="agent", lane=factories.Lane.objects.create(account=campaign.account, kind="agents", name="A")
    )
    assert len(lease()) == 1


def test_emails_wait_for_the_source_too(source: SandboxProcess) -> None:
    campaign = connected(source, 1)
    mailbox = factories.make_mailbox(campaign.account)
    Message.objects.update(number=None, mailbox=mailbox, provider="sendgrid")
    assert email_leasing.lease(10, now=clock.now()) == []
    assert rechecking.work() == 1
    assert len(email_leasing.lease(10, now=clock.now())) == 1
