"""How asking for calls ended: taken once, put back, lost, or refused for good."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from audiences.models import Contact
from common import clock, sql
from conversations import call_draining, placing_results
from conversations.models import Call, PlannedCall
from integrations.messaging import CallReceipt
from tests import factories
from tests.conversations.tries import BUSY, GONE, SILENCE, calling, now_of, record, tell

pytestmark = pytest.mark.django_db
State = PlannedCall.State


@pytest.fixture
def ann(noon: datetime) -> Contact:
    return factories.make_contact(factories.make_account())


@pytest.fixture
def agent(ann: Contact) -> User:
    return factories.make_user(ann.account, "agent")


def test_acceptance_of_a_scripted_call_is_a_touch_and_tells_once(ann: Contact, changes: list[Any]) -> None:
    call = calling(ann, origin="step:3")
    for _ in range(2):
        record(call, CallReceipt(f"CA{call.pk}", "queued"))
    call.refresh_from_db()
    planned = PlannedCall.objects.get(pk=call.planned_id)
    assert (call.state, call.provider_id, call.accepted_at is not None) == ("accepted", f"CA{call.pk}", True)
    assert (planned.state, planned.tries) == (State.CALLING, 1)
    assert planned.first_accepted_at == call.accepted_at
    assert [(c.origin, c.state, c.first_acceptance) for c in changes] == [("step:3", "calling", True)]


def test_a_provider_that_is_too_busy_uses_no_try(ann: Contact, agent: User) -> None:
    by_script, by_agent = calling(ann), calling(ann, by=agent)
    for call in (by_script, by_agent):
        record(call, BUSY)
        call.refresh_from_db()
        assert call.state == "refused"
    first, second = (PlannedCall.objects.get(pk=c.planned_id) for c in (by_script, by_agent))
    assert (first.state, second.state) == (State.QUEUED, State.TAKEN)
    assert first.due_at is not None
    assert first.due_at - clock.now() > timedelta(seconds=6), "as long as the provider asked for"
    again = Call.objects.create(
        account=ann.account, planned=first, direction="out", contact=ann, address=first.address,
        number=first.number, state="calling", try_number=1,
    )  # fmt: skip
    assert again.pk, "the same try may be placed again"


def test_a_lost_answer_is_unknown_and_told(ann: Contact, changes: list[Any]) -> None:
    call = calling(ann, origin="step:5")
    record(call, SILENCE)
    assert now_of(call) == ("unknown", State.UNKNOWN, "")
    assert [(c.state, c.first_acceptance) for c in changes] == [("unknown", False)]
    tell(call, "ringing", 1)
    call_draining.drain()
    assert now_of(call) == ("ringing", State.CALLING, "")
    assert changes[-1].first_acceptance


def test_a_final_refusal_fails_the_planned_call_but_leaves_an_agent_their_person(
    ann: Contact, agent: User
) -> None:
    by_script, by_agent = calling(ann), calling(ann, by=agent)
    record(by_script, GONE)
    record(by_agent, GONE)
    assert now_of(by_script) == ("failed", State.FAILED, "21211")
    assert now_of(by_agent)[:2] == ("failed", State.TAKEN)
    assert by_agent.reason == "Not a phone"


def test_an_abandoned_call_becomes_unknown(ann: Contact) -> None:
    call = calling(ann)
    assert placing_results.sweep_abandoned(older_than_seconds=60, now=clock.now()) == 0
    sql.run("UPDATE conversations_call SET claimed_at = claimed_at - interval '2 minutes'")
    assert placing_results.sweep_abandoned(older_than_seconds=60, now=clock.now()) == 1
    assert now_of(call)[:2] == ("unknown", State.UNKNOWN)
