"""What becomes of placed calls: answers and news in any order, once or often, and what their end means."""

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
from conversations.call_candidates import CallClaim
from conversations.call_progress import News, PlacingResult
from conversations.call_scripts import Tries
from conversations.models import Call, PlannedCall
from conversations.signals import planned_calls_changed
from integrations import inbox
from integrations.messaging import CallReceipt, CallState, ListedCall, ProviderError, Remedy
from integrations.models import ProviderEvent
from integrations.twilio import voice
from tests import factories

pytestmark = pytest.mark.django_db
State = PlannedCall.State
BUSY = ProviderError("Too many", permanent=False, accepted="no", code="20429", retry_after=7)
SILENCE = ProviderError("Silence", permanent=False, accepted="unknown", code="timeout")
GONE = ProviderError(
    "Not a phone", permanent=True, accepted="no", code="21211", state=None, remedy=Remedy.NUMBER_INVALID
)


@pytest.fixture
def account(noon: datetime) -> Account:
    return factories.make_account()


@pytest.fixture
def ann(account: Account) -> Contact:
    return factories.make_contact(account)


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent")


@pytest.fixture
def changes():
    """What the layers above heard of planned calls."""
    heard: list[planned_calls.CallChange] = []

    def changed(changes: list[planned_calls.CallChange], **_: Any) -> None:
        heard.extend(changes)

    planned_calls_changed.connect(changed)
    yield heard
    planned_calls_changed.disconnect(changed)


def calling(contact: Contact, by: User | None = None, **fields: Any) -> Call:
    """A call that is being placed."""
    planned = factories.plan_call(
        contact, mode="person" if by else "script", state=State.CALLING, due_at=None, taken_by=by,
        **{"tries": Tries(no_answer=0, busy=0), **fields},
    )  # fmt: skip
    call = Call.objects.create(
        account=contact.account, planned=planned, direction="out", contact=contact, address=planned.address,
        number=planned.number, state="calling", by=by, agent_phone="+13125550177" if by else "",
        created_at=clock.now(), valid_until=clock.now() + timedelta(minutes=15),
    )  # fmt: skip
    sql.run("UPDATE conversations_call SET claimed_at = clock_timestamp() WHERE id = %s", [call.pk])
    return call


def claim_of(call: Call) -> CallClaim:
    return CallClaim(
        call.pk, call.planned_id or 0, call.account_id, call.attempt, call.number.connection_id, "+1", "+1",
        20, not call.agent_phone,
    )  # fmt: skip


def record(call: Call, result: CallReceipt | ProviderError) -> None:
    call_progress.record([PlacingResult(claim_of(call), result)], now=clock.now())


def tell(call: Call, status: str, sequence: int = 0, **fields: str) -> None:
    """One status callback, stored as the webhook does."""
    payload = {
        "CallSid": f"CA{call.pk}", "CallStatus": status, "SequenceNumber": str(sequence),
        "attempt": str(call.attempt), **fields,
    }  # fmt: skip
    event = inbox.IncomingEvent(
        provider="twilio", event_id=voice.status_event_id(payload), kind=ProviderEvent.Kind.CALL_STATUS,
        payload=payload, account_id=call.account_id,
    )  # fmt: skip
    inbox.store(event)


def now_of(call: Call) -> tuple[str, str, str]:
    """(call's state, planned call's state, its outcome or code)."""
    call.refresh_from_db()
    planned = PlannedCall.objects.get(pk=call.planned_id)
    return call.state, planned.state, planned.outcome or planned.code


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
    assert call_progress.sweep_abandoned(older_than_seconds=60, now=clock.now()) == 0
    sql.run("UPDATE conversations_call SET claimed_at = claimed_at - interval '2 minutes'")
    assert call_progress.sweep_abandoned(older_than_seconds=60, now=clock.now()) == 1
    assert now_of(call)[:2] == ("unknown", State.UNKNOWN)


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
