"""Ending a call that goes on: by its agent, or a script's for its customer."""

import logging
import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry, User
from audiences.models import Contact
from common import clock
from conversations import call_hanging_up, call_placing, call_taking
from conversations.call_progress import News, advance
from conversations.call_taking import NotPossible
from conversations.models import AgentPhone, Call, PlannedCall
from integrations.messaging import CallReport, CallState, ProviderError
from tests import factories
from tests.accounts.making import signed_in
from tests.conversations import talking
from tests.conversations.conftest import Company
from tests.conversations.talking import Phone, again, agrees
from tests.conversations.tries import BUSY, SILENCE, calling, drained, record

CUSTOMER, AGENT = "+12175550142", "+12175550143"
HANGS_ON = {"answers": "human", "talks": None}


def placed(company: Company, agent: User) -> Call:
    """The agent takes a customer and presses Call."""
    planned = factories.plan_call(factories.make_contact(company.account, CUSTOMER, name="Ann Rivera"))
    assert call_taking.take([planned.pk], by=agent, now=clock.now()) == planned
    return call_placing.place(planned.pk, by=agent, agent_phone=AGENT)


@pytest.mark.django_db(transaction=True)
def test_an_agent_hangs_up_on_both_ends_and_is_asked_what_came_of_it(company: Company) -> None:
    agent = factories.make_user(company.account, "agent")
    company.sandbox.steer(AGENT, keys=["1"], **HANGS_ON)
    company.sandbox.steer(CUSTOMER, **HANGS_ON)
    call = drained(placed(company, agent), lambda c: c.connected_at, "customer on the line")
    call_hanging_up.end(call.planned_id, by=agent, now=clock.now())
    call = drained(call, lambda c: c.ended_at, "end of the call")
    assert (call.state, call.planned.state, call.planned.taken_by) == ("completed", "taken", agent)
    for phone in (AGENT, CUSTOMER):
        (leg,) = company.sandbox.calls(phone)
        assert leg["ended"] is not None and leg["status"] == "completed"
    assert company.sandbox.ledger("call_error") == []
    with pytest.raises(NotPossible, match="No call is going on"):
        call_hanging_up.end(call.planned_id, by=agent, now=clock.now())


@pytest.mark.django_db(transaction=True)
def test_ended_while_the_agents_phone_rings_no_customer_is_rung(company: Company) -> None:
    agent = factories.make_user(company.account, "agent")
    company.sandbox.steer(AGENT, answers="no_answer")
    call = placed(company, agent)
    call_hanging_up.end(call.planned_id, by=agent, now=clock.now())
    call = drained(call, lambda c: c.ended_at, "end of the call")
    assert (call.state, call.accepted_at) == ("cancelled", None)
    assert (call.planned.state, call.planned.tries) == ("taken", 0)
    assert company.sandbox.calls(CUSTOMER) == []


@pytest.mark.django_db(transaction=True)
def test_a_call_whose_end_nobody_told_is_looked_up(company: Company) -> None:
    agent = factories.make_user(company.account, "agent")
    company.sandbox.steer(AGENT, keys=["1"], **HANGS_ON)
    company.sandbox.steer(CUSTOMER, **HANGS_ON)
    call = drained(placed(company, agent), lambda c: c.connected_at, "customer on the line")
    company.sandbox.set_faults(calls={"callbacks": {"drop": 1.0, "drop_final": 1.0}})
    for phone in (CUSTOMER, AGENT):
        company.sandbox.on_the_phone(phone, "hangup")
    until = time.monotonic() + 20
    while company.sandbox.calls(AGENT)[0]["ended"] is None:
        assert time.monotonic() < until, "waited for the agent's leg to end"
        time.sleep(0.05)
    Call.objects.filter(pk=call.pk).update(state="in_progress", ended_at=None)  # no news of its end came
    call_hanging_up.end(call.planned_id, by=agent, now=clock.now())
    call.refresh_from_db()
    assert call.state == "completed" and call.ended_at is not None


@pytest.fixture
def account(db: None) -> Account:
    return factories.make_account("Ending Comfort")


@pytest.fixture
def contact(account: Account) -> Contact:
    made = factories.make_contact(account, talking.CUSTOMER, first_name="Ann", name="Ann Rivera")
    talking.make_number(account)  # of which the provider cannot be reached
    agrees(made)
    return made


def test_the_wish_stands_where_the_provider_cannot_be_asked(contact: Contact, account: Account) -> None:
    agent = factories.make_user(account, "agent")
    call = talking.placed(contact, mode="person")
    Call.objects.filter(pk=call.pk).update(
        by=agent, agent_phone=AGENT, provider_id="CA1", claimed_at=clock.now()
    )
    with pytest.raises(ProviderError):
        call_hanging_up.end(call.planned_id, by=agent, now=clock.now())
    assert again(call).hang_up_at is not None and again(call).state == "accepted"
    assert call_hanging_up.end_wished(now=clock.now()) == 0  # asked again, and in vain
    assert not AuditEntry.objects.filter(verb="ended_call").exists()  # an agent's own is routine


def test_a_provider_that_does_not_answer_is_asked_for_one_end_a_round(
    contact: Contact, caplog: pytest.LogCaptureFixture
) -> None:
    for place in range(2):
        call = talking.placed(contact)
        Call.objects.filter(pk=call.pk).update(
            provider_id=f"CA{place}", claimed_at=clock.now(), hang_up_at=clock.now()
        )
    with caplog.at_level(logging.WARNING, "conversations.call_hanging_up"):
        assert call_hanging_up.end_wished(now=clock.now()) == 0
    assert caplog.text.count("goes on although") == 1


@pytest.mark.parametrize("mode", ["person", "script"])
def test_what_turns_up_after_the_wish_is_hung_up_and_rings_nobody(
    contact: Contact, account: Account, client: Client, mode: str
) -> None:
    """The provider's answer was lost; then somebody picks up after all."""
    agent = factories.make_user(account, "agent")
    call = talking.placed(contact, mode=mode)
    fields = {"by": agent, "agent_phone": AGENT} if mode == "person" else {}
    Call.objects.filter(pk=call.pk).update(state="unknown", accepted_at=None, **fields)
    call_hanging_up.end(call.planned_id, by=agent, now=clock.now())  # nobody can be asked yet
    heard = Phone(client, call.number).answered(call)
    assert heard.names == ["Hangup"]
    assert again(call).hang_up_at is not None and call.outcome == ""
    assert call.state == "in_progress" and (call.answered_at is None) == (mode == "person")
    advance(
        [News(call.pk, CallReport(call.provider_id, "completed", CallState.COMPLETED, 4))], now=clock.now()
    )
    planned = PlannedCall.objects.get(pk=call.planned_id)
    if mode == "person":
        assert (planned.state, planned.tries) == ("queued", 0)
    else:
        assert (planned.state, planned.code, planned.outcome) == ("cancelled", "hung_up", "")


def test_a_colleague_does_not_end_it(contact: Contact, account: Account) -> None:
    agent, other = (factories.make_user(account, "agent", name) for name in ("Ana Agent", "Ben Busy"))
    call = talking.placed(contact, mode="person")
    Call.objects.filter(pk=call.pk).update(by=agent, agent_phone=AGENT)
    with pytest.raises(NotPossible, match="Ana Agent is in this call"):
        call_hanging_up.end(call.planned_id, by=other, now=clock.now())
    assert again(call).hang_up_at is None


def test_a_scripts_call_that_nobody_answered_is_not_called_and_says_who_ended_it(
    contact: Contact, account: Account
) -> None:
    csr = factories.make_user(account, "csr", "Cora Clerk")
    call = talking.placed(contact)
    Call.objects.filter(pk=call.pk).update(state="unknown", accepted_at=None)
    call_hanging_up.end(call.planned_id, by=csr, now=clock.now())
    advance([News(call.pk, CallReport("CA9", "canceled", CallState.CANCELLED, 4))], now=clock.now())
    planned = PlannedCall.objects.get(pk=call.planned_id)
    assert (planned.state, planned.code) == ("cancelled", "hung_up")
    assert planned.reason == "Ended by Cora Clerk before anybody answered"
    entry = AuditEntry.objects.get(verb="ended_call")
    assert (entry.by, entry.summary) == (csr, "Ended a script’s call to Ann Rivera")


def ended_while_placed(contact: Contact) -> Call:
    """A script's call that somebody ends before the provider has answered at all."""
    call = calling(contact)
    csr = factories.make_user(contact.account, "csr", "Cora Clerk")
    call_hanging_up.end(call.planned_id, by=csr, now=clock.now())
    return call


def stays_ended(call: Call) -> None:
    """Not called any more, for the reason that somebody gave."""
    planned = PlannedCall.objects.get(pk=call.planned_id)
    assert (planned.state, planned.code) == ("cancelled", "hung_up")
    assert planned.reason == again(call).reason == "Ended by Cora Clerk before anybody answered"
    assert planned.calls.get() == call


def test_who_ended_it_is_said_where_the_providers_answer_was_lost(contact: Contact) -> None:
    call = ended_while_placed(contact)
    record(call, SILENCE)
    assert (again(call).state, call.code) == ("unknown", "hung_up")
    advance([News(call.pk, CallReport("CA9", "canceled", CallState.CANCELLED, 4))], now=clock.now())
    stays_ended(call)


def test_who_ended_it_is_said_where_it_was_given_up_and_answered_after_all(
    contact: Contact, client: Client
) -> None:
    """Nobody spoke with them: that is no answered call."""
    call = ended_while_placed(contact)
    record(call, SILENCE)
    given_up = CallReport("", "", CallState.FAILED, 4, code="delivery_unknown", meaning="Never said")
    advance([News(call.pk, given_up)], now=clock.now())
    planned = PlannedCall.objects.get(pk=call.planned_id)
    assert (planned.state, planned.code) == ("failed", "delivery_unknown")
    assert planned.reason == "Ended by Cora Clerk before anybody answered"
    heard = Phone(client, call.number).answered(call)
    assert heard.names == ["Hangup"]
    over = CallReport(again(call).provider_id, "completed", CallState.COMPLETED, 4)
    advance([News(call.pk, over)], now=clock.now())
    stays_ended(call)


@pytest.mark.parametrize(
    ("state", "code"), [("completed", "several_calls"), ("busy", "several_calls"), ("failed", "20404")]
)
def test_who_ended_it_is_said_whatever_the_books_say_of_it_later(
    contact: Contact, state: str, code: str
) -> None:
    """Nobody is taken for answered whom we hung up on, and nobody is called again."""
    call = ended_while_placed(contact)
    record(call, SILENCE)
    told = CallReport("CA9", state, CallState(state), 4, code=code, meaning="Nobody knows")
    advance([News(call.pk, told)], now=clock.now())
    assert again(call).state == state
    stays_ended(call)


def test_what_was_ended_while_the_provider_was_too_busy_is_not_placed_again(contact: Contact) -> None:
    call = ended_while_placed(contact)
    record(call, BUSY)
    assert again(call).state == "cancelled"
    stays_ended(call)


def open_call(contact: Contact, agent: User, **fields: Any) -> PlannedCall:
    """A call of this agent that goes on."""
    AgentPhone.objects.get_or_create(account=contact.account, user=agent, defaults={"phone": AGENT})
    call = talking.placed(contact, mode="person")
    Call.objects.filter(pk=call.pk).update(by=agent, agent_phone=AGENT, **fields)
    planned = PlannedCall.objects.get(pk=call.planned_id)
    PlannedCall.objects.filter(pk=planned.pk).update(taken_by=agent)
    return planned


def shown(client: Client, planned: PlannedCall) -> str:
    return client.get(reverse("calls:person", args=[planned.pk])).content.decode()


def test_the_page_ends_it_and_says_how_far_that_is(contact: Contact, account: Account) -> None:
    agent = factories.make_user(account, "agent")
    planned = open_call(contact, agent, state="unknown", accepted_at=None)
    client = signed_in(agent)
    end = reverse("calls:end", args=[planned.pk])
    assert end in shown(client, planned)
    assert client.post(end).status_code == 302
    page = shown(client, planned)
    assert "Ending the call" in page and end not in page
    Call.objects.update(state="cancelled", ended_at=clock.now())
    PlannedCall.objects.update(state="taken", taken_until=clock.now(), due_at=clock.now())
    page = shown(client, planned)
    assert "You ended the call" in page and "was not called" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "ringing"}, "A script is calling them"),
        ({"state": "in_progress", "answered_at": clock.now()}, "A script is speaking to them"),
    ],
)
def test_a_scripts_call_is_ended_by_who_may_call(
    contact: Contact, account: Account, fields: dict[str, Any], words: str
) -> None:
    call = talking.placed(contact)
    Call.objects.filter(pk=call.pk).update(**fields)
    planned = PlannedCall.objects.get(pk=call.planned_id)
    end = reverse("calls:end", args=[planned.pk])
    page = shown(signed_in(factories.make_user(account, "csr")), planned)
    assert words in page and end in page
    page = shown(signed_in(factories.make_user(account, "marketer")), planned)
    assert words in page and end not in page
