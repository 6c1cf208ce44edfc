"""Pausing everything: once the request has answered nothing begins, nothing is lost, nothing bursts."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEntry
from campaigns import engine, launching
from campaigns.models import Step
from common import clock
from conversations import claiming, inbound, leasing, pausing, sender, threads
from conversations.models import Message, SendingPause, Thread
from integrations.messaging import InboundText
from tests import factories
from tests.conversations.conftest import Company, phone
from tests.product import wait_for

PHONES = 300  # at 20 a second far more than three pauses let through, on a slow machine too


@pytest.fixture
def person(company: Company):
    return factories.make_user(company.account, "csr")


def in_threads(work, count: int) -> None:
    def close_after(index: int) -> None:
        work(index)
        connection.close()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(close_after, range(count)))


def test_nothing_begins_after_the_answer_while_fifty_senders_claim(company: Company, person) -> None:
    """Senders, fifty calls at a time, run on through three pauses; the sandbox's ledger judges."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    company.number.segments_per_second = 20
    company.number.save()
    company.launch(PHONES)
    company.sandbox.set_faults(slow={"rate": 0.5, "seconds": 0.2}, seed=seed)
    over = threading.Event()

    def run_product(index: int) -> None:
        while not over.is_set():
            if index == 0:
                engine.run_round(now=clock.now())
            sender.run(0.4, concurrency=25)

    spans: list[tuple[float, float]] = []

    def called() -> int:
        return len(company.sandbox.ledger("message"))

    def pause_and_resume() -> None:
        for _ in range(3):
            until = called() + chance.randint(5, 25)
            wait_for(lambda until=until: called() >= until, seconds=60, what=f"calls (seed {seed})")
            pausing.pause(company.account, by=person, now=clock.now())
            answered = time.time()
            time.sleep(0.7)
            spans.append((answered, time.time()))
            pausing.lift(company.account, by=person, now=clock.now())

    def until_over() -> None:
        try:
            pause_and_resume()
        finally:
            over.set()
            connection.close()

    pauser = threading.Thread(target=until_over)
    pauser.start()
    in_threads(run_product, 2)
    pauser.join()
    ledger = company.sandbox.ledger("message")
    began = [entry["received_at"] for entry in ledger]
    late = [at for at in began for since, until in spans if since < at < until]
    assert late == [], f"seed {seed}"
    assert len(spans) == 3 and 0 < len(began) < PHONES, (
        f"{len(began)} were sent: the run proves nothing (seed {seed})"
    )
    assert min(began) < spans[0][0], f"none began before the first pause (seed {seed})"
    company.sandbox.set_faults()
    company.number.segments_per_second = 5000
    company.number.save()
    Message.objects.filter(state="queued").update(leased_until=None)  # else 15 s, as after a killed sender
    for _ in range(3):
        company.run()
    sent = [entry["to"] for entry in company.sandbox.ledger("message")]
    assert len(sent) == len(set(sent)) == PHONES, "each got it once in the end"


def test_a_pause_waits_for_a_claim_that_has_not_committed(company: Company, person) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    paused: list[pausing.Paused] = []

    def pause() -> None:
        paused.append(pausing.pause(company.account, by=person, now=clock.now()))
        connection.close()

    pausing_thread = threading.Thread(target=pause)
    with transaction.atomic():
        assert len(claiming.claim(leasing.lease(1, now=clock.now()), now=clock.now())) == 1
        pausing_thread.start()
        time.sleep(0.5)
        assert not SendingPause.objects.exists() and not paused
    time.sleep(0.5)
    assert not paused, "it answers only when the call is recorded"
    Message.objects.update(state="accepted", accepted_at=clock.now(), provider_id="SM1")
    pausing_thread.join()
    assert (paused[0].in_flight, paused[0].left, paused[0].pause.let_go) == (1, 1, 1)


def test_what_was_leased_before_the_pause_is_not_claimed(company: Company, person) -> None:
    company.launch(3)
    engine.run_round(now=clock.now())
    leased = leasing.lease(10, now=clock.now())
    assert pausing.pause(company.account, by=person, now=clock.now()).waiting == 3
    assert claiming.claim(leased, now=clock.now()) == []
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}
    Message.objects.update(leased_until=None)
    assert leasing.lease(10, now=clock.now()) == []
    pausing.lift(company.account, by=person, now=clock.now())
    assert len(leasing.lease(10, now=clock.now())) == 3


def test_another_account_goes_on(company: Company, person) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    other = factories.make_account()
    pausing.pause(other, by=factories.make_user(other), now=clock.now())
    assert len(claiming.claim(leasing.lease(9, now=clock.now()), now=clock.now())) == 1


@pytest.mark.parametrize(("agents_too", "sent"), [(False, 1), (True, 0)])
def test_agents_replies_are_held_only_if_asked(company: Company, person, agents_too: bool, sent: int) -> None:
    thread = factories.make_thread(company.account, phone(3))
    pausing.pause(company.account, by=person, agents_too=agents_too, now=clock.now())
    threads.reply(thread, body="At nine.", by=person, token=uuid4(), now=clock.now())
    assert len(claiming.claim(leasing.lease(9, now=clock.now()), now=clock.now())) == sent


def test_a_narrow_pause_can_be_widened_but_not_begun_twice(company: Company, person) -> None:
    pausing.pause(company.account, by=person, reason="Wrong price", now=clock.now())
    with pytest.raises(pausing.NotPossible, match="already"):
        pausing.pause(company.account, by=person, now=clock.now())
    wider = pausing.pause(company.account, by=person, agents_too=True, now=clock.now()).pause
    assert wider.agents_too and wider.reason == "Wrong price"
    assert SendingPause.objects.count() == 1
    pausing.lift(company.account, by=person, now=clock.now())
    with pytest.raises(pausing.NotPossible, match="resumed already"):
        pausing.lift(company.account, by=person, now=clock.now())
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))[-3:] == [
        "paused_everything", "paused_everything", "resumed_everything",
    ]  # fmt: skip


def test_of_twenty_at_once_one_pauses(company: Company, person) -> None:
    refused: list[int] = []

    def pause(index: int) -> None:
        try:
            pausing.pause(company.account, by=person, now=clock.now())
        except pausing.NotPossible:
            refused.append(index)

    in_threads(pause, 20)
    assert len(refused) == 19
    assert SendingPause.objects.count() == 1


def test_the_engine_goes_on_and_a_reply_is_read(company: Company, person) -> None:
    """Paused means that nothing leaves; people still write, and a STOP still counts."""
    company.launch(2)
    pausing.pause(company.account, by=person, now=clock.now())
    company.run()
    assert company.sandbox.ledger("message") == []
    assert Step.objects.filter(state="queued").count() == 2
    text = InboundText(provider_id="SM9", to=company.number.e164, from_=phone(0), body="STOP")
    inbound.receive_now(text, account=company.account)
    assert Thread.objects.get().closed_reason == "opted_out"
    pausing.lift(company.account, by=person, now=clock.now())
    company.run()
    assert [entry["to"] for entry in company.sandbox.ledger("message")] == [phone(1)]


def test_no_burst_after_lifting(company: Company, person) -> None:
    company.number.segments_per_second = 10
    company.number.save()
    company.launch(40)
    pausing.pause(company.account, by=person, now=clock.now())
    engine.run_round(now=clock.now())
    time.sleep(1.5)
    pausing.lift(company.account, by=person, now=clock.now())
    began = time.monotonic()
    leased = sum(len(leasing.lease(100, now=clock.now())) for _ in range(3))
    assert 1 <= leased <= 10 * (time.monotonic() - began + leasing.BURST_SECONDS) + 1


def test_nothing_is_launched_while_paused(company: Company, person) -> None:
    pausing.pause(company.account, by=person, now=clock.now())
    with pytest.raises(launching.LaunchRefused, match=f"paused by {person}"):
        company.launch(1)
    pausing.lift(company.account, by=person, now=clock.now())
    company.launch(1)


def test_the_database_keeps_one_in_force(db: None) -> None:
    account = factories.make_account()
    SendingPause.objects.create(account=account)
    with pytest.raises(IntegrityError):
        SendingPause.objects.create(account=account)
