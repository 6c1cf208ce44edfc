"""Pausing one campaign while it is being sent: soon nothing of it begins, nothing is lost, nothing bursts."""

import time
from threading import Thread

from campaigns import engine, lifecycle
from campaigns.models import Step
from common import clock
from conversations import claiming, leasing, sender
from conversations.models import Attempt, Message
from tests import factories
from tests.conversations.conftest import Company, phone
from tests.product import wait_for

TEXTS = 50
STILL_SECONDS = 1.0  # how long nothing is seen to begin


def test_two_seconds_after_a_pause_no_call_begins_and_everybody_keeps_their_place(company: Company) -> None:
    company.number.segments_per_second = 10
    company.number.save()
    by = factories.make_user(company.account)
    campaign = company.launch(TEXTS)
    engine.run_round(now=clock.now())
    sending = Thread(target=lambda: sender.run(5, concurrency=20))
    sending.start()
    wait_for(lambda: Attempt.objects.count() >= 5, seconds=60, what="first calls")
    lifecycle.pause(campaign, by=by, now=clock.now())
    time.sleep(2)
    begun = Attempt.objects.count()
    time.sleep(STILL_SECONDS)
    assert Attempt.objects.count() == begun < TEXTS
    sending.join()
    queued = Message.objects.filter(state="queued").count()
    assert queued == TEXTS - begun
    assert Step.objects.filter(node__key="first_text", state="queued").count() == queued
    lifecycle.resume(campaign, by=by, now=clock.now())
    company.run()
    assert sorted(entry["to"] for entry in company.sandbox.ledger("message")) == sorted(
        map(phone, range(TEXTS))
    )


def test_what_was_leased_when_the_pause_came_is_due_again_once_it_has_ended(company: Company) -> None:
    by = factories.make_user(company.account)
    campaign = company.launch(3)
    engine.run_round(now=clock.now())
    leased = leasing.lease(3, now=clock.now())
    lifecycle.pause(campaign, by=by, now=clock.now())
    assert len(leased) == 3
    assert claiming.claim(leased, now=clock.now()) == []
    lifecycle.resume(campaign, by=by, now=clock.now())
    assert sorted(leasing.lease(3, now=clock.now())) == sorted(leased)
