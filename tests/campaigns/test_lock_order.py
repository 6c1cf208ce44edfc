"""Address, message, enrollment, step: nobody who waits for one of them holds what comes after it."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from campaigns import engine
from campaigns.models import Enrollment, Step
from common import sql
from conversations import inbound, opt_outs, recorder
from conversations.delivery import CallResult
from conversations.models import Attempt, Message
from integrations.messaging import DeliveryState, InboundText, ProviderError, Receipt
from tests import factories
from tests.campaigns.test_engine import launch

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
WAITING = "SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr("common.clock.now", lambda: NOON)


def hold(table: str, pk: int) -> None:
    sql.run(f"SELECT 1 FROM {table} WHERE id = %s FOR NO KEY UPDATE", [pk])


def is_free(table: str, pk: int) -> bool:
    return bool(sql.rows(f"SELECT 1 FROM {table} WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED", [pk]))


@contextmanager
def waiting(work: Callable[[], object]):
    """Run `work` beside us until it waits for what we hold; let it finish when we are done."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    other = threading.Thread(target=run)
    with transaction.atomic():
        yield lambda: (other.start(), _until_it_waits())
    other.join(10)
    assert not other.is_alive()


def _until_it_waits() -> None:
    for _ in range(500):
        sql.run("SELECT pg_sleep(0.01)")
        if sql.rows(WAITING):
            return
    pytest.fail("nobody waited")


def calling(campaign) -> list[Message]:
    """The campaign's texts, being called."""
    engine.run_round(now=NOON)
    Message.objects.update(state="calling", body="Hello", due_at=None)
    texts = list(Message.objects.filter(lane=campaign.lane).order_by("pk"))
    for text in texts:
        Attempt.objects.create(message=text, state="calling", started_at=NOON)
    return texts


def test_a_stop_that_waits_for_the_answered_text_holds_no_enrollment():
    account = factories.make_account()
    campaign = launch(account, contacts=1)
    (text,) = calling(campaign)
    Message.objects.update(state="accepted", accepted_at=NOON)
    enrollment = Enrollment.objects.get()
    stop = InboundText(provider_id="SM1", to=text.number.e164, from_=text.address.value, body="STOP")
    with waiting(lambda: inbound.receive(stop, account=account, now=NOON)) as begin:
        hold("conversations_message", text.pk)
        begin()
        assert is_free("campaigns_enrollment", enrollment.pk)
    enrollment.refresh_from_db()
    text.refresh_from_db()
    assert (enrollment.ended_reason, text.opted_out_at) == ("opted_out", NOON)


def test_opt_outs_found_at_the_provider_lock_every_address_first():
    campaign = launch(factories.make_account(), contacts=2)
    texts = calling(campaign)
    first, last = sorted(texts, key=lambda text: text.address_id)
    held = Enrollment.objects.get(address=first.address_id)
    ids = [text.pk for text in texts]
    with waiting(lambda: opt_outs.by_provider(ids, code="21610", now=NOON)) as begin:
        hold("audiences_address", last.address_id)
        begin()
        assert is_free("campaigns_enrollment", held.pk)
    assert set(Enrollment.objects.values_list("ended_reason", flat=True)) == {"opted_out"}


def _steps_of(texts: list[Message]) -> list[Step]:
    return [Step.objects.get(message=text) for text in texts]


def test_results_of_every_kind_lock_their_enrollments_in_one_round():
    campaign = launch(factories.make_account(), contacts=3)
    enrollments = {step.message_id: step.enrollment_id for step in _steps_of(calling(campaign))}
    texts = sorted(Message.objects.all(), key=lambda text: enrollments[text.pk])
    results = [
        ProviderError("no answer", code="timeout", permanent=False, accepted="unknown"),
        ProviderError("refused", code="21211", permanent=True, accepted="no"),
        Receipt(provider_id="SM3", status="queued", state=DeliveryState.ACCEPTED, segments=1),
    ]
    calls = [
        CallResult(text.pk, text.attempts.get().pk, result)
        for text, result in zip(texts, results, strict=True)
    ]
    first, *others = [enrollments[text.pk] for text in texts]
    with waiting(lambda: recorder.record(calls)) as begin:
        hold("campaigns_enrollment", first)
        begin()
        assert all(is_free("campaigns_enrollment", pk) for pk in others)
    assert [step.state for step in _steps_of(texts)] == ["waiting", "failed", "completed"]


def test_the_engine_waits_for_no_text_that_a_sender_is_deciding():
    """A text put off until now may be claimed and queued again at one moment."""
    campaign = launch(factories.make_account(), contacts=2)
    engine.run_round(now=NOON)
    Step.objects.update(state="scheduled", due_at=NOON)
    busy, idle = Message.objects.filter(lane=campaign.lane).order_by("pk")
    taken = threading.Thread(target=lambda: (engine.run_round(now=NOON), connection.close()))
    with transaction.atomic():
        hold("conversations_message", busy.pk)
        taken.start()
        taken.join(10)
        assert not taken.is_alive()
    assert Step.objects.get(message=idle).state == "queued"
    left = Step.objects.get(message=busy)
    assert (left.state, left.due_at) == ("scheduled", NOON)
    engine.run_round(now=NOON)
    left.refresh_from_db()
    assert left.state == "queued"
