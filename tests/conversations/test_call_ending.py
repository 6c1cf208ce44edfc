"""Scripted calls to people who have opted out are hung up at the provider; nobody else's are."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import User
from audiences.models import Contact
from common import clock
from config.celery import app
from conversations import call_draining, call_ending, call_placing, inbound, opt_outs
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.models import Call, CallSettings, PlannedCall
from integrations.messaging import InboundText
from tests import factories
from tests.conversations.conftest import Company
from tests.conversations.talking import agrees, place_all

pytestmark = pytest.mark.django_db(transaction=True)
ANN, BOB, AGENT_PHONE = "+12175550153", "+12175550154", "+12175550155"
RINGS_ON = {"by_hand": True}  # and nobody picks up, in real time


@pytest.fixture(autouse=True)
def room(company: Company) -> None:
    CallSettings.objects.create(account=company.account, per_second=30, most_at_once=50)


@pytest.fixture
def at_once() -> Iterator[None]:
    """Tasks run where they are rung for."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def called(company: Company, phone: str) -> Call:
    """A script's call that rings and rings."""
    contact = factories.make_contact(company.account, phone)
    agrees(contact)
    company.sandbox.steer(phone, **RINGS_ON)
    planned = factories.plan_call(contact, mode="script")
    place_all()
    return Call.objects.exclude(state="refused").get(planned=planned)


def opts_out(call: Call) -> None:
    opt_outs.record([call.address], contact=call.contact, source="text", evidence="STOP", now=clock.now())


def hung_up(company: Company) -> list[str]:
    """The calls that we asked the provider to end."""
    return [entry["to"] for entry in company.sandbox.ledger("call_update")]


def await_(done: Callable[[], Any], what: str) -> None:
    until = time.monotonic() + 20
    while not done():
        assert time.monotonic() < until, what
        time.sleep(0.03)


def test_a_call_that_rings_to_whoever_opts_out_is_ended_and_nobody_elses(company: Company) -> None:
    ann, bob = called(company, ANN), called(company, BOB)
    assert call_ending.end_unwanted() == 0
    opts_out(ann)
    assert call_ending.end_unwanted() == 1
    assert hung_up(company) == [ANN]

    def told() -> bool:
        call_draining.drain()
        ann.refresh_from_db()
        return ann.state == "cancelled"

    await_(told, "the end was not told")
    planned = PlannedCall.objects.get(pk=ann.planned_id)
    assert (planned.state, planned.code) == (PlannedCall.State.CANCELLED, "opted_out")
    assert call_ending.end_unwanted() == 0, "it is over"
    bob.refresh_from_db()
    assert bob.ended_at is None


def test_a_call_that_was_given_up_and_is_answered_after_all_is_ended_as_any_other(company: Company) -> None:
    call = called(company, ANN)
    Call.objects.filter(pk=call.pk).update(
        state="failed", code=DELIVERY_UNKNOWN, provider_id=None, claimed_at=None, ended_at=clock.now()
    )
    PlannedCall.objects.filter(pk=call.planned_id).update(state="failed", code=DELIVERY_UNKNOWN)
    await_(lambda: company.sandbox.on_the_phone(ANN, "answer").status_code == 200, "it did not ring")

    def goes_on() -> bool:
        call_draining.drain()
        call.refresh_from_db()
        return call.state == "in_progress"

    await_(goes_on, "nobody heard of the answer")
    opts_out(call)
    assert call_ending.end_unwanted() == 1
    assert hung_up(company) == [ANN]


def test_the_call_on_which_nine_was_pressed_says_that_it_was_understood(company: Company) -> None:
    call = called(company, ANN)
    opts_out(call)
    Call.objects.filter(pk=call.pk).update(opted_out_at=clock.now())
    assert call_ending.end_unwanted() == 0
    assert hung_up(company) == []


def test_an_agents_call_is_the_agents_to_end(company: Company) -> None:
    agent: User = factories.make_user(company.account, "agent")
    contact: Contact = factories.make_contact(company.account, ANN)
    company.sandbox.steer(AGENT_PHONE, **RINGS_ON)
    call = call_placing.place(factories.plan_call(contact).pk, by=agent, agent_phone=AGENT_PHONE)
    opts_out(call)
    assert call_ending.end_unwanted() == 0
    assert hung_up(company) == []


def test_what_is_over_at_the_provider_already_is_no_trouble(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    company.sandbox.set_faults(calls={"callbacks": {"drop": 1.0}})
    call = called(company, ANN)
    opts_out(call)
    assert call_ending.end_unwanted() == 1
    with caplog.at_level(logging.WARNING, "conversations.call_ending"):
        assert call_ending.end_unwanted() == 0
    assert caplog.text == ""
    assert hung_up(company) == [ANN, ANN]


@pytest.mark.parametrize(
    ("chosen", "credentials", "said"),
    [({"base_url": "http://127.0.0.1:9"}, None, "did not answer"), ({}, {}, "cannot be ended yet")],
)
def test_a_provider_that_does_not_answer_is_asked_once_and_again_with_the_next_look(
    company: Company, caplog: pytest.LogCaptureFixture, chosen: Any, credentials: Any, said: str
) -> None:
    calls = [called(company, ANN), called(company, BOB)]
    for call in calls:
        opts_out(call)
    stored = company.number.connection
    sound = stored.settings, stored.credentials
    stored.settings = {**stored.settings, **chosen}
    stored.credentials = stored.credentials if credentials is None else credentials
    stored.save()
    with caplog.at_level(logging.WARNING, "conversations.call_ending"):
        assert call_ending.end_unwanted() == 0
    assert caplog.text.count(said) == 1
    stored.settings, stored.credentials = sound
    stored.save()
    assert call_ending.end_unwanted() == 2
    assert sorted(hung_up(company)) == [ANN, BOB]


def test_a_stop_by_text_hangs_up_by_the_bell_that_it_rings(company: Company, at_once: None) -> None:
    call = called(company, ANN)
    text = InboundText(provider_id="SM1", to=company.number.e164, from_=ANN, body="STOP")
    assert inbound.receive(text, account=company.account, now=clock.now()) is not None
    assert hung_up(company) == [call.address.value]
