"""What an agent has said of a call, where its customer opts out before the half minute of undo is over."""

from datetime import datetime

import pytest

from accounts.models import Account, User
from audiences import suppression
from audiences.models import Contact
from campaigns.models import Edge, Enrollment, Step
from common import clock
from conversations import call_taking, inbound, opt_outs, planned_calls, said_outcomes
from conversations.call_scripts import Tries
from conversations.call_taking import NotPossible
from conversations.models import Call, PlannedCall, Thread
from integrations.messaging import InboundText
from tests import factories
from tests.analytics import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(noon: datetime) -> Account:
    return factories.make_account()


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent")


@pytest.fixture
def ann(account: Account) -> Contact:
    return factories.make_contact(account, "+13125550111", name="Ann Doe")


def called(planned: PlannedCall, by: User, said: str) -> Call:
    """The agent has called, and said what came of it."""
    now = clock.now()
    call = Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, by=by, state="completed", accepted_at=now,
        answered_at=now, ended_at=now,
    )  # fmt: skip
    PlannedCall.objects.filter(pk=planned.pk).update(tries=1, first_accepted_at=now)
    planned.refresh_from_db()
    if said:
        said_outcomes.say(planned, said, by=by, now=now)
    return call


def stops(contact: Contact, planned: PlannedCall) -> None:
    """A text of theirs."""
    text = InboundText("SM1", planned.number.e164, factories.phone_of(contact).value, "STOP")
    received = inbound.receive(text, account=contact.account, now=clock.now())
    assert received is not None and received.outcome == "opt_out"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("booked", "booked"), ("voicemail", "voicemail"), ("no_answer", "no_answer"), ("", "answered")],
)
def test_the_outcome_stays_and_nobody_calls_again(
    account: Account, agent: User, ann: Contact, said: str, outcome: str
) -> None:
    """Said or, where nothing was said yet, as the line knows it; whatever tries the plan has left."""
    made = world.build(account=account)
    first, then = made.nodes["first_text"], made.nodes["second_text"]
    Edge.objects.create(version=made.version, source=first, label="next", target=then)
    enrollment = made.enrol(ann)
    Enrollment.objects.filter(pk=enrollment.pk).update(address=factories.phone_of(ann))
    step = made.step(enrollment, "first_text", "waiting")
    planned = factories.plan_call(
        ann, origin=f"step:{step.pk}", lane=made.campaign.lane, tries=Tries(no_answer=3, voicemail=3)
    )
    call_taking.take([planned.pk], by=agent, now=clock.now())
    call = called(planned, agent, said)
    stops(ann, planned)
    for row in (planned, step, call):
        row.refresh_from_db()
    assert (planned.state, planned.outcome, planned.outcome_by) == ("called", outcome, agent)
    assert (call.outcome, step.state) == (outcome, "completed")
    assert suppression.in_force([planned.address_id]) == {planned.address_id}
    step.enrollment.refresh_from_db()
    assert (step.enrollment.state, step.enrollment.ended_reason) == ("ended", "opted_out")
    assert not Step.objects.filter(enrollment=step.enrollment, state__in=Step.OPEN).exists()
    assert planned_calls.queued_to([planned.address_id]) == []
    assert Thread.objects.get(contact=ann).closed_reason == "opted_out"
    with pytest.raises(NotPossible, match="they have opted out meanwhile"):
        said_outcomes.take_back(planned, by=agent)


def test_so_does_that_of_an_agents_own_call(agent: User, ann: Contact) -> None:
    number = factories.make_number(ann.account)
    planned = planned_calls.plan_agent_call(
        ann, factories.phone_of(ann), number, by=agent, now=clock.now(), token="one"
    )
    called(planned, agent, "answered")
    opt_outs.by_agent(ann, by=agent, evidence="Said so on the phone", now=clock.now())
    planned.refresh_from_db()
    assert (planned.state, planned.outcome) == ("called", "answered")


def test_who_was_not_called_yet_is_called_by_nobody(agent: User, ann: Contact) -> None:
    planned = factories.plan_call(ann)
    call_taking.take([planned.pk], by=agent, now=clock.now())
    stops(ann, planned)
    planned.refresh_from_db()
    assert (planned.state, planned.code, planned.taken_by) == ("cancelled", "opted_out", None)
