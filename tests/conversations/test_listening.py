"""What customers wrote while nobody could take it in is had from the provider before campaigns send again."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from audiences.models import OptOut
from campaigns import engine
from common import clock, sql
from conversations import claiming, inbound, leasing, listening, threads
from conversations.models import Listening, Message
from integrations.models import Connection
from tests import factories
from tests.conversations.conftest import Company, phone

AGO = {
    "for an hour": "clock_timestamp() - interval '1 hour'",
    "since the server started": "pg_postmaster_start_time() - interval '1 millisecond'",
}


def deafen(how: str = AGO["for an hour"]) -> None:
    """Nobody has given a sign of life since then; what was written in the last hour may be missing."""
    listening.catch_up(now=clock.now())
    before = clock.now() - timedelta(hours=1)
    sql.run(f"UPDATE conversations_listening SET alive_at = {how}, heard_until = %s", [before])


def alive() -> None:
    listening._signed_at = None
    listening.stay_alive(now=clock.now())


@pytest.mark.parametrize("how", AGO.values(), ids=AGO)
def test_a_stop_that_nobody_heard_holds_before_campaigns_send_again(company: Company, how: str) -> None:
    company.launch(3)
    engine.run_round(now=clock.now())
    deafen(how)
    company.sandbox.set_webhook_base("http://127.0.0.1:9")
    for index, body in ((0, "STOP"), (1, "What does it cost?")):
        assert company.sandbox.say(phone(index), body, to=company.number.e164)["status"] is None
    alive()
    assert leasing.lease(10, now=clock.now()) == []
    assert listening.catch_up(now=clock.now()) == 2
    assert OptOut.objects.get().address.value == phone(0)
    leased = leasing.lease(10, now=clock.now())
    left = Message.objects.filter(pk__in=leased).values_list("address__value", flat=True)
    assert sorted(left) == sorted([phone(1), phone(2)])
    assert listening.catch_up(now=clock.now()) == 0
    assert Message.objects.filter(kind="inbound").count() == 2


def test_what_was_leased_before_the_account_became_deaf_is_not_claimed(company: Company) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    leased = leasing.lease(10, now=clock.now())
    assert len(leased) == 1
    deafen()
    assert claiming.claim(leased, now=clock.now()) == []
    assert Message.objects.get().state == "queued"
    listening.catch_up(now=clock.now())
    assert len(claiming.claim(leased, now=clock.now())) == 1


def test_a_text_that_the_database_could_not_take_in_keeps_the_account_deaf(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    deafen()
    company.sandbox.set_webhook_base("http://127.0.0.1:9")
    company.sandbox.say(phone(0), "STOP", to=company.number.e164)

    def away(*_: object, **__: object) -> None:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as patched:
        patched.setattr(inbound, "receive", away)
        with pytest.raises(OperationalError):
            listening.catch_up(now=clock.now())
    assert sql.value(f"SELECT count(*) FROM conversations_listening h WHERE {listening.DEAF}") == 1
    assert listening.catch_up(now=clock.now()) == 1


def test_after_a_text_was_turned_away_campaigns_wait_for_the_list(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.launch(2)
    engine.run_round(now=clock.now())
    listening.catch_up(now=clock.now())
    # Long before: the sandbox may not have seen yet what the time is.
    Listening.objects.update(listed_at=clock.now() - timedelta(days=3))

    def away(*_: object, **__: object) -> None:
        raise OperationalError("the database system is in recovery mode")

    with monkeypatch.context() as patched:  # the sandbox repeats it, as a provider may
        patched.setattr(inbound, "receive_now", away)
        assert company.sandbox.say(phone(0), "STOP", to=company.number.e164)["status"] == 503
    assert company.sandbox.say(phone(8), "Hi", to=company.number.e164)["status"] == 200
    alive()
    assert leasing.lease(10, now=clock.now()) == []
    listening.catch_up(now=clock.now())
    assert OptOut.objects.get().address.value == phone(0)
    assert len(leasing.lease(10, now=clock.now())) == 1


def test_a_text_turned_away_while_the_list_is_read_is_heard_by_the_next(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    deafen()
    hear = listening._hear

    def turned_away_meanwhile(*given: Any) -> int:
        found = hear(*given)
        listening.missed()
        listening.own_up()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(listening, "_hear", turned_away_meanwhile)
        listening.catch_up(now=clock.now())
    deaf = f"SELECT count(*) FROM conversations_listening h WHERE {listening.DEAF}"
    assert sql.value(deaf) == 1
    listening.catch_up(now=clock.now())
    assert sql.value(deaf) == 0


def test_what_agents_write_does_not_wait(company: Company) -> None:
    thread = factories.make_thread(company.account, phone(7))
    company.launch(1)
    engine.run_round(now=clock.now())
    deafen()
    agents = Message.objects.create(
        account=company.account, lane=threads.agents_lane(company.account), contact=thread.contact,
        address=thread.address, number=company.number, kind="agent", body="Hello?", state="queued",
        due_at=clock.now(),
    )  # fmt: skip
    assert leasing.lease(10, now=clock.now()) == [agents.pk]


def test_where_the_list_cannot_be_read_that_account_alone_waits(company: Company) -> None:
    company.launch(1)
    other = factories.make_account()
    factories.make_number(other, e164="+17735550179")
    engine.run_round(now=clock.now())
    deafen()
    Connection.objects.filter(account=other).update(credentials={})
    assert listening.catch_up(now=clock.now()) == 0
    deaf = f"SELECT account_id FROM conversations_listening h WHERE {listening.DEAF}"
    assert sql.column(deaf) == [other.pk]
    assert len(leasing.lease(10, now=clock.now())) == 1


def test_the_list_is_read_now_and_then_though_nobody_was_deaf(company: Company) -> None:
    listening.catch_up(now=clock.now())
    alive()
    company.sandbox.set_webhook_base("http://127.0.0.1:9")
    company.sandbox.say(phone(0), "STOP", to=company.number.e164)
    assert listening.catch_up(now=clock.now()) == 0
    Listening.objects.update(listed_at=clock.now() - timedelta(days=3))
    assert listening.catch_up(now=clock.now()) == 1
