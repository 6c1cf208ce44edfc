"""An agent's calls through a real sandbox and a real web server: the agent's phone rings, then the
customer's, and what became of it comes back by the provider's own callbacks."""

import pytest

from accounts.models import User
from audiences.models import Contact
from common import clock
from conversations import call_placing, call_taking
from conversations.models import Call, CallSettings, PlannedCall
from tests import factories
from tests.conversations.conftest import Company
from tests.conversations.tries import drained

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMER, AGENT = "+12175550142", "+12175550143"


@pytest.fixture
def agent(company: Company) -> User:
    CallSettings.objects.create(account=company.account)
    return factories.make_user(company.account, "agent")


@pytest.fixture
def contact(company: Company) -> Contact:
    return factories.make_contact(company.account, CUSTOMER, first_name="Ann", name="Ann Rivera")


def placed(contact: Contact, agent: User) -> Call:
    """The agent takes the next of the queue and presses Call."""
    planned = factories.plan_call(contact)
    assert call_taking.take([planned.pk], by=agent, now=clock.now()) == planned
    return call_placing.place(planned.pk, by=agent, agent_phone=AGENT)


def over(call: Call) -> bool:
    return call.ended_at is not None


def errors(company: Company) -> list[dict]:
    return company.sandbox.ledger("call_error")


def test_the_agent_is_rung_then_the_customer(company: Company, contact: Contact, agent: User) -> None:
    company.sandbox.steer(AGENT, answers="human", keys=["1"], talks=None)
    company.sandbox.steer(CUSTOMER, answers="human", talks=20)
    call = drained(placed(contact, agent), over, "end of the call")
    assert (call.state, call.code, call.agent_phone) == ("completed", "dialed:completed", AGENT)
    assert call.accepted_at and call.answered_at and call.connected_at and not call.abandoned_at
    assert call.planned is not None
    assert (call.planned.state, call.planned.taken_by, call.planned.tries) == ("taken", agent, 1)
    (rung,) = company.sandbox.calls(CUSTOMER)
    assert (rung["from"], rung["to"]) == (company.number.e164, CUSTOMER)
    assert errors(company) == []


@pytest.mark.parametrize(("answers", "ends"), [("no_answer", "no_answer"), ("machine", "completed")])
def test_an_agent_who_does_not_answer_keeps_the_person(
    company: Company, contact: Contact, agent: User, answers: str, ends: str
) -> None:
    """Nor does the agent's voicemail speak to the customer."""
    company.sandbox.steer(AGENT, answers=answers)
    call = drained(placed(contact, agent), over, "end of the call")
    assert (call.state, call.accepted_at, call.answered_at) == (ends, None, None)
    planned = PlannedCall.objects.get()
    assert (planned.state, planned.taken_by, planned.tries, planned.first_accepted_at) == (
        "taken", agent, 0, None,
    )  # fmt: skip
    assert company.sandbox.calls(CUSTOMER) == []


def test_a_busy_customer_leaves_the_agent_to_say_so(company: Company, contact: Contact, agent: User) -> None:
    company.sandbox.steer(AGENT, answers="human", keys=["1"], talks=None)
    company.sandbox.steer(CUSTOMER, answers="busy")
    call = drained(placed(contact, agent), over, "end of the call")
    assert (call.state, call.code, call.answered_at) == ("completed", "dialed:busy", None)
    assert PlannedCall.objects.get().state == "taken"
    assert errors(company) == []
