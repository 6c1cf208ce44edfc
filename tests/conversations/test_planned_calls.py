"""Planned calls: put into the queue, taken by one agent, tried again as planned, and over."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account, User
from audiences.models import Contact
from common import clock, sql
from conversations import call_outcomes, call_scripts, call_taking, planned_calls
from conversations.models import Call, Lane, PlannedCall
from conversations.number_choice import Pool
from conversations.signals import planned_calls_changed, planned_calls_deferred
from integrations.models import SendingNumber
from tests import factories

pytestmark = pytest.mark.django_db
State, Outcome = PlannedCall.State, PlannedCall.Outcome


@pytest.fixture
def account() -> Account:
    return factories.make_account()


@pytest.fixture
def number(account: Account) -> SendingNumber:
    return factories.make_number(account)


@pytest.fixture
def lane(account: Account) -> Lane:
    return factories.make_campaign_lane(account)


@pytest.fixture
def ann(account: Account) -> Contact:
    return factories.make_contact(account)


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent")


@pytest.fixture
def news():
    """What the layers above heard: (kind, change or deferral)."""
    heard: list[tuple[str, Any]] = []

    def changed(changes: list[Any], **_: Any) -> None:
        heard.extend(("changed", change) for change in changes)

    def deferred(deferrals: list[Any], **_: Any) -> None:
        heard.extend(("deferred", each) for each in deferrals)

    planned_calls_changed.connect(changed)
    planned_calls_deferred.connect(deferred)
    yield heard
    planned_calls_changed.disconnect(changed)
    planned_calls_deferred.disconnect(deferred)


def tried(planned: PlannedCall, outcome: str = "", state: str = "no_answer", **fields: Any) -> Call:
    """One try that is over."""
    number = Call.objects.filter(planned=planned).count() + 1
    return Call.objects.create(
        account=planned.account, planned=planned, try_number=number, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, state=state, outcome=outcome, **fields,
    )  # fmt: skip


def test_a_batch_is_planned_from_sql(
    account: Account, lane: Lane, number: SendingNumber, ann: Contact
) -> None:
    now = clock.now()
    script = call_scripts.stored(account, call_scripts.Plan(words=call_scripts.Spoken(en="Hi")))
    source = sql.Query(
        "SELECT 'step:' || g AS origin, %(contact)s::bigint AS contact_id, %(address)s::bigint AS address_id,"
        ' \'{"first_name": "Ann"}\'::jsonb AS variables, %(by)s::timestamptz AS send_by,'
        " NULL::timestamptz AS unless_booked_since FROM generate_series(7, 9) g",
        {"contact": ann.pk, "address": factories.phone_of(ann).pk, "by": now + timedelta(hours=72)},
    )
    made = planned_calls.queueing(
        source, account_id=account.pk, lane_id=lane.pk,
        pool=Pool((number.pk,), (number.segments_per_second,)), script_id=script.pk,
        mode="script", now=now,
    )  # fmt: skip
    rows = dict(sql.rows(f"WITH text AS ({made.text}) SELECT origin, id FROM text", made.params))
    assert set(rows) == {"step:7", "step:8", "step:9"}
    first = PlannedCall.objects.get(pk=rows["step:7"])
    assert (first.state, first.kind, first.mode, first.due_at) == (State.QUEUED, "campaign", "script", now)
    assert (first.number, first.variables, first.tries) == (number, {"first_name": "Ann"}, 0)
    assert planned_calls.waiting(lane.pk, "script", 2, now=now) == 2
    assert planned_calls.waiting(lane.pk, "person", 9, now=now) == 0


def test_an_agent_takes_what_nobody_else_has(ann: Contact, agent: User) -> None:
    first, second = factories.plan_call(ann), factories.plan_call(ann)
    bob, now = factories.make_user(ann.account, "agent", "Bob"), clock.now()
    ids = [first.pk, second.pk]
    assert call_taking.take(ids, by=agent, now=now) == first
    assert call_taking.take(ids, by=bob, now=now) == second
    assert call_taking.take(ids, by=bob, now=now) is None
    assert not call_taking.keep(first.pk, by=bob)
    assert call_taking.keep(first.pk, by=agent)
    assert not call_taking.give_back(first.pk, by=bob, now=now)
    assert call_taking.give_back(first.pk, by=agent, now=now)
    first.refresh_from_db()
    assert (first.state, first.taken_by, first.taken_until) == (State.QUEUED, None, None)


def test_what_is_not_due_or_for_a_script_or_still_ringing_is_not_given_to_an_agent(
    ann: Contact, agent: User
) -> None:
    now = clock.now()
    later = factories.plan_call(ann, due_at=now + timedelta(minutes=1))
    spoken = factories.plan_call(ann, mode="script", now=now)
    late = factories.plan_call(ann, send_by=now, now=now)
    ringing = factories.plan_call(ann, now=now)
    tried(ringing, state="ringing")
    ids = [each.pk for each in (later, spoken, late, ringing)]
    assert call_taking.take(ids, by=agent, now=now) is None


@pytest.mark.parametrize("outcome", ["no_answer", "busy"])
def test_whom_nobody_reached_is_tried_again_as_often_as_planned(
    ann: Contact, outcome: str, news: list[tuple[str, Any]]
) -> None:
    now = clock.now()
    tries = call_scripts.Tries(no_answer=1, no_answer_minutes=60, busy=1, busy_minutes=10)
    planned = factories.plan_call(ann, tries=tries, state=State.CALLING, due_at=None, origin="callback:5")
    tried(planned)
    done = call_outcomes.outcome(planned.pk, outcome, now=now)
    planned.refresh_from_db()
    wait = timedelta(minutes=60 if outcome == "no_answer" else 10)
    assert (planned.state, planned.due_at, planned.outcome) == (State.QUEUED, now + wait, "")
    assert done is not None
    assert done.again_at == now + wait
    ((kind, deferral),) = news
    assert (kind, deferral.origin, deferral.until) == ("deferred", "callback:5", now + wait)
    tried(planned)
    call_outcomes.outcome(planned.pk, outcome, now=now + wait)
    planned.refresh_from_db()
    assert (planned.state, planned.outcome, planned.due_at) == (State.CALLED, outcome, None)
    assert (news[-1][0], news[-1][1].state, news[-1][1].outcome) == ("changed", State.CALLED, outcome)


def test_whose_passage_ended_during_a_try_is_not_tried_again(ann: Contact) -> None:
    planned = factories.plan_call(
        ann, tries=call_scripts.Tries(no_answer=1), origin="step:5"
    )  # a step that is not open
    tried(planned)
    call_outcomes.outcome(planned.pk, "no_answer", now=clock.now())
    planned.refresh_from_db()
    assert (planned.state, planned.code) == (State.CANCELLED, "passage_over")


def test_each_outcome_has_its_own_tries(ann: Contact) -> None:
    planned = factories.plan_call(ann, tries=call_scripts.Tries(no_answer=1, busy=1))
    for outcome, state in (("busy", "queued"), ("no_answer", "queued"), ("busy", "called")):
        tried(planned)
        call_outcomes.outcome(planned.pk, outcome, now=clock.now())
        planned.refresh_from_db()
        assert planned.state == state


def test_whoever_spoke_with_us_is_not_called_again(ann: Contact, agent: User) -> None:
    planned = factories.plan_call(ann, state=State.TAKEN, taken_by=agent, taken_until=clock.now())
    call = tried(planned, state="completed")
    done = call_outcomes.outcome(planned.pk, "answered", now=clock.now(), by=agent)
    planned.refresh_from_db()
    call.refresh_from_db()
    assert (planned.state, planned.outcome, planned.outcome_by, planned.taken_by) == (
        State.CALLED, "answered", agent, None,
    )  # fmt: skip
    assert call.outcome == "answered"
    assert done is not None
    assert done.again_at is None
    assert call_outcomes.outcome(planned.pk, "busy", now=clock.now()) is None, "it is over"


def test_no_try_follows_after_its_time(ann: Contact) -> None:
    now = clock.now()
    planned = factories.plan_call(ann, send_by=now + timedelta(minutes=30))
    tried(planned)
    call_outcomes.outcome(planned.pk, "no_answer", now=now)
    planned.refresh_from_db()
    assert (planned.state, planned.outcome) == (State.CALLED, "no_answer")


def test_what_was_never_tried_expires_and_what_was_keeps_its_last_outcome(
    ann: Contact, news: list[tuple[str, Any]]
) -> None:
    now = clock.now()
    never = factories.plan_call(ann, send_by=now, origin="step:1")
    once = factories.plan_call(ann, send_by=now, first_accepted_at=now - timedelta(hours=4))
    tried(once, outcome="busy")
    young = factories.plan_call(ann, send_by=now + timedelta(seconds=1))
    assert call_outcomes.sweep_late(now=now) == 2
    for each in (never, once, young):
        each.refresh_from_db()
    assert (never.state, never.code) == (State.EXPIRED, "too_late")
    assert (once.state, once.outcome) == (State.CALLED, "busy")
    assert young.state == State.QUEUED
    assert {change.state for _, change in news} == {State.EXPIRED, State.CALLED}
    assert call_outcomes.sweep_late(now=now) == 0


def test_cancelling_takes_it_from_whoever_has_it_open_but_not_from_the_line(
    ann: Contact, agent: User, news: list[tuple[str, Any]]
) -> None:
    now = clock.now()
    queued = factories.plan_call(ann)
    taken = factories.plan_call(ann, state=State.TAKEN, taken_by=agent, taken_until=now)
    calling = factories.plan_call(ann, state=State.CALLING, due_at=None)
    ids = [queued.pk, taken.pk, calling.pk]
    assert planned_calls.queued_to([queued.address_id]) == ids[:2]
    planned_calls.cancel(ids, reason="stopped", now=now)
    states = {p.pk: (p.state, p.code, p.taken_by) for p in PlannedCall.objects.filter(pk__in=ids)}
    assert states == {
        queued.pk: (State.CANCELLED, "stopped", None), taken.pk: (State.CANCELLED, "stopped", None),
        calling.pk: (State.CALLING, "", None),
    }  # fmt: skip
    assert [change.planned_id for _, change in news] == ids[:2]


def test_an_agent_skips_with_a_reason_or_chooses_another_time(ann: Contact, agent: User) -> None:
    now = clock.now()
    skipped, later = factories.plan_call(ann), factories.plan_call(ann, send_by=now + timedelta(hours=1))
    with pytest.raises(call_taking.NotPossible, match="Say why"):
        call_taking.skip(skipped.pk, by=agent, reason=" ", now=now)
    call_taking.skip(skipped.pk, by=agent, reason="Spoke in person", now=now)
    skipped.refresh_from_db()
    assert (skipped.state, skipped.code, skipped.reason) == (State.CANCELLED, "skipped", "Spoke in person")
    until = now + timedelta(hours=2)
    call_taking.put_off(later.pk, until=until, by=agent, now=now, code="promised")
    later.refresh_from_db()
    assert (later.state, later.due_at, later.code) == (State.QUEUED, until, "promised")
    assert later.send_by == until + timedelta(days=1)
    with pytest.raises(call_taking.NotPossible, match="over already"):
        call_taking.put_off(skipped.pk, until=until, by=agent, now=now)
    with pytest.raises(call_taking.NotPossible, match="time is over"):
        call_taking.put_off(later.pk, until=now, by=agent, now=now)


def test_a_call_back_is_planned_once_for_a_person(ann: Contact) -> None:
    now = clock.now()
    asked = factories.plan_call(ann, mode="script")
    call = tried(asked, state="completed")
    planned = planned_calls.plan_call_back(call, now=now)
    assert planned_calls.plan_call_back(call, now=now) == planned
    assert (planned.kind, planned.mode, planned.state) == ("call_back", "person", State.QUEUED)
    assert (planned.lane.kind, planned.script) == (Lane.Kind.AGENTS, asked.script)


def test_an_agents_own_call_is_theirs_at_once(ann: Contact, agent: User, number: SendingNumber) -> None:
    now, phone = clock.now(), factories.phone_of(ann)
    mine = planned_calls.plan_agent_call(ann, phone, number, by=agent, now=now, token="t")
    again = planned_calls.plan_agent_call(ann, phone, number, by=agent, now=now, token="t")
    assert mine == again
    assert (mine.state, mine.taken_by, mine.lane.kind) == (State.TAKEN, agent, Lane.Kind.AGENTS)
    assert sql.value(
        "SELECT taken_until > clock_timestamp() FROM conversations_plannedcall WHERE id = %s", [mine.pk]
    )
    tried(mine)
    call_outcomes.outcome(mine.pk, "no_answer", now=now, by=agent)
    mine.refresh_from_db()
    assert mine.state == State.CALLED, "an agent who wants to call again says so"


def lapsed(ann: Contact, agent: User, **fields: Any) -> PlannedCall:
    over = sql.value("SELECT clock_timestamp() - interval '1 second'")
    return factories.plan_call(ann, state=State.TAKEN, taken_by=agent, taken_until=over, **fields)


def test_what_an_agent_leaves_open_is_ended_as_what_it_was(ann: Contact, agent: User) -> None:
    untouched, silent, said = lapsed(ann, agent), lapsed(ann, agent), lapsed(ann, agent, code="said:booked")
    own, ringing = lapsed(ann, agent, kind="agent"), lapsed(ann, agent)
    own_phone_not_answered, voicemail = lapsed(ann, agent), lapsed(ann, agent)
    tried(silent, state="completed", by=agent, accepted_at=clock.now(), answered_at=clock.now())
    tried(said, state="completed", by=agent, accepted_at=clock.now())
    tried(voicemail, state="completed", by=agent)  # the agent's own: the customer was not rung
    tried(ringing, state="ringing", by=agent)
    tried(own_phone_not_answered, state="no_answer", by=agent)
    assert call_outcomes.sweep_taken(now=clock.now()) == 6
    ends = {p.pk: (p.state, p.outcome or p.code) for p in PlannedCall.objects.all()}
    assert ends == {
        untouched.pk: (State.QUEUED, ""), silent.pk: (State.CALLED, "answered"),
        said.pk: (State.CALLED, "booked"), own.pk: (State.CANCELLED, "not_called"),
        ringing.pk: (State.TAKEN, ""), own_phone_not_answered.pk: (State.QUEUED, ""),
        voicemail.pk: (State.QUEUED, ""),
    }  # fmt: skip
    assert not PlannedCall.objects.filter(taken_by=agent).exclude(pk=ringing.pk).exists()
