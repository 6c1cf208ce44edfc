"""What becomes of placed calls: news in any order, once or often, and what their end means."""

import itertools
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from accounts.models import Account, User
from audiences.models import Contact
from common import clock, sql
from conversations import (
    call_draining,
    call_outcomes,
    call_progress,
    call_reconciling,
    call_taking,
    inbound,
    opt_outs,
    planned_calls,
    said_outcomes,
)
from conversations.call_progress import News
from conversations.models import Call, PlannedCall
from integrations.messaging import CallReceipt, CallState, ListedCall
from integrations.models import ProviderEvent
from integrations.twilio import voice
from tests import factories
from tests.conversations.tries import SILENCE, calling, now_of, record, tell

pytestmark = pytest.mark.django_db
State = PlannedCall.State


@pytest.fixture
def account(noon: datetime) -> Account:
    return factories.make_account()


@pytest.fixture
def ann(account: Account) -> Contact:
    return factories.make_contact(account)


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent")


ENDS: list[tuple[str, dict[str, str], tuple[str, str, str]]] = [
    ("completed", {"AnsweredBy": "human", "CallDuration": "31"}, ("completed", State.CALLED, "answered")),
    ("completed", {"AnsweredBy": "unknown"}, ("completed", State.CALLED, "answered")),
    ("completed", {"AnsweredBy": "machine_end_beep"}, ("completed", State.CALLED, "no_answer")),
    ("completed", {"AnsweredBy": "fax"}, ("completed", State.CALLED, "no_answer")),
    ("busy", {}, ("busy", State.CALLED, "busy")),
    ("no-answer", {}, ("no_answer", State.CALLED, "no_answer")),
    ("failed", {"SipResponseCode": "404"}, ("failed", State.FAILED, "sip_404")),
    ("failed", {"ErrorCode": "13227"}, ("rejected", State.REJECTED, "13227")),
    ("canceled", {}, ("cancelled", State.CANCELLED, "cancelled")),
]


@pytest.mark.parametrize(("status", "fields", "end"), ENDS)
def test_every_end_of_a_scripted_call_has_its_outcome(
    ann: Contact, status: str, fields: dict[str, str], end: tuple[str, str, str]
) -> None:
    call = calling(ann)
    tell(call, status, 3, **fields)
    assert call_draining.drain() == 1
    assert now_of(call) == end
    assert call.ended_at is not None
    assert call.claimed_at is None
    assert call.seconds == (31 if "CallDuration" in fields else None)


ORDERS = list(itertools.permutations(["initiated", "ringing", "in-progress", "completed"]))


@pytest.mark.parametrize("order", ORDERS)
def test_news_in_any_order_and_often_end_alike(
    ann: Contact, order: tuple[str, ...], changes: list[Any]
) -> None:
    call = calling(ann, origin="step:9")
    sequence = {"initiated": 0, "ringing": 1, "in-progress": 2, "completed": 3}
    for status in order:
        for _ in range(2):
            tell(call, status, sequence[status], CallDuration="20")
        call_draining.drain()
    record(call, CallReceipt(f"CA{call.pk}", "queued"))  # our own answer comes last of all
    assert now_of(call) == ("completed", State.CALLED, "answered")
    assert (call.sequence, call.seconds) == (3, 20)
    planned = PlannedCall.objects.get(pk=call.planned_id)
    assert planned.tries == 1
    assert [c.first_acceptance for c in changes] == [True, False]
    assert [c.state for c in changes] == ["calling", "called"]


def test_what_the_talk_noted_wins_over_the_line(ann: Contact) -> None:
    call = calling(ann)
    Call.objects.filter(pk=call.pk).update(outcome="call_back")
    tell(call, "completed", 3, AnsweredBy="human")
    call_draining.drain()
    assert now_of(call) == ("completed", State.CALLED, "call_back")


def test_an_agents_call_counts_once_the_customer_is_rung(
    ann: Contact, agent: User, changes: list[Any]
) -> None:
    call = calling(ann, by=agent, origin="step:4")
    record(call, CallReceipt(f"CA{call.pk}", "queued"))
    tell(call, "ringing", 1)
    call_draining.drain()
    call.refresh_from_db()
    assert (call.state, call.accepted_at) == ("ringing", None)
    assert changes == []
    tell(call, "in-progress", 2)
    call_draining.drain()
    call.refresh_from_db()
    assert (call.accepted_at, changes) == (None, []), "perhaps the agent's voicemail"
    for _ in range(2):
        with transaction.atomic():
            call_progress.customer_rung(call, now=clock.now())
    call.refresh_from_db()
    assert call.accepted_at is not None
    assert call.answered_at is None, "the customer's side is told of elsewhere"
    assert [c.first_acceptance for c in changes] == [True]
    tell(call, "completed", 3)
    call_draining.drain()
    planned = PlannedCall.objects.get(pk=call.planned_id)
    assert now_of(call)[:2] == ("completed", State.TAKEN)
    assert (planned.taken_by, planned.tries) == (agent, 1)
    assert planned.due_at is not None
    assert sql.value(
        "SELECT taken_until - clock_timestamp() BETWEEN interval '80 seconds' AND interval '90 seconds'"
        " FROM conversations_plannedcall WHERE id = %s",
        [planned.pk],
    )


@pytest.mark.parametrize("status", ["no-answer", "busy", "failed", "canceled", "completed"])
def test_an_agent_who_does_not_answer_uses_no_try(ann: Contact, agent: User, status: str) -> None:
    call = calling(ann, by=agent)
    record(call, CallReceipt(f"CA{call.pk}", "queued"))
    tell(call, status, 2)
    call_draining.drain()
    planned = PlannedCall.objects.get(pk=call.planned_id)
    assert (planned.state, planned.tries, planned.first_accepted_at) == (State.TAKEN, 0, None)
    call.refresh_from_db()
    assert call.accepted_at is None
    with pytest.raises(call_taking.NotPossible):
        said_outcomes.say(planned, "no_answer", by=agent, now=clock.now())
    sql.run("UPDATE conversations_plannedcall SET taken_until = clock_timestamp() - interval '1 second'")
    call_outcomes.sweep_taken(now=clock.now())
    planned.refresh_from_db()
    assert (planned.state, planned.outcome) == (State.QUEUED, ""), "the next agent's"


def test_news_that_another_account_signed_or_of_no_attempt_is_not_believed(ann: Contact) -> None:
    call, other = calling(ann), factories.make_account()
    Call.objects.filter(pk=call.pk).update(account=other)
    tell(call, "completed", 3)
    stranger = Call(pk=0, attempt=uuid4(), account_id=ann.account_id)
    tell(stranger, "completed", 3)
    call_draining.drain()
    assert now_of(call)[0] == "calling"
    assert set(ProviderEvent.objects.values_list("outcome", flat=True)) == {"no such attempt"}


def listed(call: Call, status: str = "completed", sid: str = "CAfound") -> ListedCall:
    report = voice.report(provider_id=sid, status=status, answered_by="human", seconds=12)
    return ListedCall(report, call.address.value, call.number.e164, clock.now())


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[ListedCall]:
    """The provider's list of calls, whoever asks."""
    settings.RECONCILE_AFTER_SECONDS = -1
    found: list[ListedCall] = []
    monkeypatch.setattr(voice, "list_calls", lambda _access, *, to, **_: [c for c in found if c.to == to])
    monkeypatch.setattr(voice, "attempts_of", lambda *_: set())  # they are not over for long enough
    return found


def test_a_lost_call_is_adopted_from_the_providers_list(ann: Contact, books: list[ListedCall]) -> None:
    call = calling(ann)
    record(call, SILENCE)
    books.append(listed(call))
    assert call_reconciling.reconcile(now=clock.now()) == 1
    assert now_of(call) == ("completed", State.CALLED, "answered")
    assert call.provider_id == "CAfound"
    assert PlannedCall.objects.get(pk=call.planned_id).tries == 1


def test_two_calls_that_might_be_it_are_an_alarm_and_nothing_is_placed(
    ann: Contact, books: list[ListedCall]
) -> None:
    call = calling(ann)
    record(call, SILENCE)
    books += [listed(call), listed(call, sid="CAother")]
    assert call_reconciling.reconcile(now=clock.now()) == 0
    assert now_of(call)[:2] == ("unknown", State.UNKNOWN)


def test_what_the_provider_never_heard_of_is_given_up_after_its_time_and_revived_by_late_news(
    ann: Contact, books: list[ListedCall]
) -> None:
    call = calling(ann)
    record(call, SILENCE)
    for _ in range(3):
        assert call_reconciling.reconcile(now=clock.now()) == 0
    assert now_of(call)[1] == State.UNKNOWN, "its time is not over"
    Call.objects.update(valid_until=clock.now())
    assert call_reconciling.reconcile(now=clock.now()) == 1
    assert now_of(call) == ("failed", State.FAILED, "delivery_unknown")
    tell(call, "completed", 3, AnsweredBy="human")
    call_draining.drain()
    assert now_of(call) == ("completed", State.CALLED, "answered")


def test_late_news_of_a_call_given_up_does_not_disturb_the_one_after_it(ann: Contact, agent: User) -> None:
    given_up = calling(ann, by=agent)
    Call.objects.filter(pk=given_up.pk).update(state="failed", code="delivery_unknown")
    planned = PlannedCall.objects.get(pk=given_up.planned_id)
    Call.objects.create(
        account=ann.account, planned=planned, direction="out", contact=ann, address=planned.address,
        number=planned.number, state="ringing", try_number=2, by=agent, agent_phone="+13125550177",
    )  # fmt: skip
    tell(given_up, "ringing", 1)
    call_draining.drain()
    assert now_of(given_up)[0] == "failed"


def test_news_of_an_earlier_try_leaves_an_agents_present_one_alone(ann: Contact, agent: User) -> None:
    first = calling(ann, by=agent)
    Call.objects.filter(pk=first.pk).update(state="failed", code="delivery_unknown", claimed_at=None)
    planned = PlannedCall.objects.get(pk=first.planned_id)
    Call.objects.create(
        account=ann.account, planned=planned, direction="out", contact=ann, address=planned.address,
        number=planned.number, state="in_progress", try_number=2, by=agent, agent_phone="+13125550177",
    )  # fmt: skip
    tell(first, "no-answer", 2)
    call_draining.drain()
    assert now_of(first)[:2] == ("no_answer", State.CALLING)
    planned.refresh_from_db()
    assert (planned.taken_by, planned.taken_until) == (agent, None)


def given_up(contact: Contact, agent: User) -> Call:
    """An agent's call whose answer was lost and that was never found; the agent has the person open again."""
    call = calling(contact, by=agent)
    Call.objects.filter(pk=call.pk).update(state="failed", code="delivery_unknown", claimed_at=None)
    with transaction.atomic():
        call_progress.give_to_agents([call.planned_id or 0], now=clock.now())
    return call


def test_a_promised_time_outlives_an_earlier_try_that_rings_late(ann: Contact, agent: User) -> None:
    call = given_up(ann, agent)
    friday = clock.now() + timedelta(days=3)
    planned_id = call.planned_id or 0
    call_taking.put_off(planned_id, until=friday, by=agent, now=clock.now(), code="promised")
    for sequence, status in enumerate(("ringing", "in-progress", "no-answer"), 1):
        tell(call, status, sequence)
        call_draining.drain()
        planned = PlannedCall.objects.get(pk=planned_id)
        assert (planned.state, planned.due_at, planned.code) == (State.QUEUED, friday, "promised"), status
    call.refresh_from_db()
    assert call.ended_at is not None


def test_what_an_agent_said_outlives_an_earlier_try_that_rings_late(ann: Contact, agent: User) -> None:
    first, now = given_up(ann, agent), clock.now()
    planned = PlannedCall.objects.get(pk=first.planned_id)
    Call.objects.create(
        account=ann.account, planned=planned, direction="out", contact=ann, address=planned.address,
        number=planned.number, state="completed", try_number=2, by=agent, agent_phone="+13125550177",
        accepted_at=now, answered_at=now, ended_at=now,
    )  # fmt: skip
    said_outcomes.say(planned, "voicemail", by=agent, now=now)
    tell(first, "ringing", 1)
    call_draining.drain()
    planned.refresh_from_db()
    assert (planned.state, said_outcomes.outcome_of(planned)) == (State.TAKEN, "voicemail")
    tell(first, "no-answer", 2)
    call_draining.drain()
    sql.run("UPDATE conversations_plannedcall SET taken_until = clock_timestamp() - interval '1 second'")
    call_outcomes.sweep_taken(now=now)
    planned.refresh_from_db()
    assert (planned.state, planned.outcome, planned.outcome_by) == (State.CALLED, "voicemail", agent)


def test_a_script_that_was_answered_when_it_might_not_be_played_any_more_is_no_answer(ann: Contact) -> None:
    call = calling(ann, origin="callback:1")
    Call.objects.filter(pk=call.pk).update(code=planned_calls.NO_CONSENT, answered_at=clock.now())
    tell(call, "completed", 3, AnsweredBy="human")
    call_draining.drain()
    assert now_of(call) == ("completed", State.CANCELLED, "no_consent")


def test_an_opt_out_takes_back_what_is_planned_and_names_what_is_being_placed(
    ann: Contact, agent: User, changes: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    queued = factories.plan_call(ann, origin="step:6")
    taken = factories.plan_call(ann, state=State.TAKEN, taken_by=agent, taken_until=clock.now())
    call = calling(ann)
    in_flight = opt_outs.record([call.address], contact=ann, source="text", evidence="STOP", now=clock.now())
    for each in (queued, taken):
        each.refresh_from_db()
        assert (each.state, each.code) == (State.CANCELLED, "opted_out")
    assert in_flight == [call.attempt]
    # What was placed all the same has its id only now: it is rung for once more, to be hung up.
    with django_capture_on_commit_callbacks() as rings:
        inbound.wait_for_calls(tuple(in_flight), seconds=0)
    assert len(rings) == 1
    assert {c.planned_id for c in changes} == {queued.pk, taken.pk}


def test_a_call_ended_because_its_customer_opted_out_says_so(ann: Contact) -> None:
    call = calling(ann)
    opt_outs.record([call.address], contact=ann, source="text", evidence="STOP", now=clock.now())
    tell(call, "canceled", 2)
    call_draining.drain()
    assert now_of(call) == ("cancelled", State.CANCELLED, "opted_out")


def test_an_unknown_status_moves_nothing(ann: Contact) -> None:
    call = calling(ann)
    tell(call, "paraphrasing", 1)
    assert call_draining.drain() == 1
    assert now_of(call)[0] == "calling"
    assert voice.report(provider_id="CA1", status="paraphrasing").rank == 0
    assert (
        call_progress.advance([News(call.pk, voice.report(provider_id="", status="x"))], now=clock.now()) == 0
    )
    assert CallState.RINGING in voice.RANKS
