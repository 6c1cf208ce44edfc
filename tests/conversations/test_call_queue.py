"""Who is offered to agents, in which order, and that two of them never get the same person."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections

from accounts.models import Account, User
from audiences import suppression
from audiences.models import OptOut
from common import clock, sql
from conversations import call_queue, call_taking, said_outcomes
from conversations.call_taking import NotPossible
from conversations.models import Call, ContactHold, Lane, PlannedCall, SafetyPause, SendingPause
from tests import factories

NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)  # a Tuesday, 11 in Chicago
State = PlannedCall.State


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def account(db: None) -> Account:
    return factories.make_account("Queue Comfort")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", "Ana Agent")


def lane(account: Account, name: str, **fields: object) -> Lane:
    made = factories.make_campaign_lane(account)
    Lane.objects.filter(pk=made.pk).update(name=name, **fields)
    return Lane.objects.get(pk=made.pk)


def plan(account: Account, n: int, minutes: float = 10, **fields: object) -> PlannedCall:
    """Somebody who has been due for so many minutes."""
    contact = factories.make_contact(account, factories.reserved(n), name=f"Person {n}")
    due = NOW - timedelta(minutes=minutes)
    return factories.plan_call(contact, now=NOW - timedelta(hours=2), **{"due_at": due, **fields})


def reached(account: Account, by: User, count: int) -> list[int | None]:
    """Whom an agent gets, one after the other, each dealt with before the next."""
    got: list[int | None] = []
    for _ in range(count):
        taken = call_queue.take_next(account, by=by, now=NOW)
        got.append(taken.pk if taken else None)
        if taken:
            call_taking.skip(taken.pk, by=by, reason="done", now=NOW)
    return got


def test_whoever_is_due_longest_comes_first_and_nobody_before_their_time(
    account: Account, agent: User
) -> None:
    late, early = plan(account, 1, minutes=5), plan(account, 2, minutes=50)
    plan(account, 3, minutes=-1)
    assert reached(account, agent, 3) == [early.pk, late.pk, None]


def test_campaigns_take_turns_however_long_one_queue_is(account: Account, agent: User) -> None:
    big, small = lane(account, "Big"), lane(account, "Small")
    many = [plan(account, n, minutes=500 - n, lane=big) for n in range(8)]
    few = [plan(account, 20 + n, minutes=10 - n, lane=small) for n in range(3)]
    got = reached(account, agent, 6)
    assert {got[n] for n in (0, 1)} == {many[0].pk, few[0].pk}
    assert {got[n] for n in (2, 3)} == {many[1].pk, few[1].pk}
    assert {got[n] for n in (4, 5)} == {many[2].pk, few[2].pk}


def test_promised_calls_come_before_campaigns(account: Account, agent: User) -> None:
    plan(account, 1, minutes=600)
    back = plan(account, 2, minutes=1, kind="call_back")
    promised = plan(account, 3, minutes=2, code="another_time")
    assert reached(account, agent, 2) == [promised.pk, back.pk]


def test_held_closed_opted_out_and_paused_people_are_not_offered(account: Account, agent: User) -> None:
    held, out = plan(account, 1, minutes=90), plan(account, 2, minutes=80)
    ContactHold.objects.create(contact=held.contact, reason="reply", at=NOW, until=NOW + timedelta(hours=72))
    suppression.opt_out(out.address, channel="phone", source=OptOut.Source.TEXT, now=NOW)
    zones = factories.zone_set_for(state="HI", zip_code="96801", phones=["+18085550100"])  # 7 in the morning
    far = plan(account, 3, minutes=70)
    type(far.contact).objects.filter(pk=far.contact_id).update(zone_set=zones)
    paused = plan(account, 4, minutes=60, lane=lane(account, "Paused", paused=True))
    resting = lane(account, "Resting")
    SafetyPause.objects.create(account=account, lane=resting, rule="failures", reason="Too many")
    plan(account, 5, minutes=50, lane=resting)
    free = plan(account, 6, minutes=1)
    assert reached(account, agent, 2) == [free.pk, None]
    for one in (held, far):  # put off until they may be called: they stand in nobody's way
        one.refresh_from_db()
        assert one.state == State.QUEUED and one.due_at is not None and one.due_at > NOW
    out.refresh_from_db()
    assert (out.state, out.code) == (State.CANCELLED, "opted_out")
    paused.refresh_from_db()
    assert (paused.state, paused.due_at) == (State.QUEUED, NOW - timedelta(minutes=60))


def test_a_pause_of_everything_holds_campaigns_but_not_call_backs(account: Account, agent: User) -> None:
    plan(account, 1)
    back = plan(account, 2, kind="call_back", lane=Lane.objects.create(
        account=account, kind=Lane.Kind.AGENTS, name="Agents"))  # fmt: skip
    SendingPause.objects.create(account=account, by=agent, at=NOW)
    assert reached(account, agent, 2) == [back.pk, None]
    waiting = call_queue.waiting(account, NOW)
    assert (waiting.due, waiting.held) == (1, 1) or (waiting.due, waiting.held) == (0, 1)


def test_a_lane_whose_first_hundred_may_not_be_called_still_offers_the_next(
    account: Account, agent: User
) -> None:
    zones = factories.zone_set_for(state="HI", zip_code="96801", phones=["+18085550100"])
    for n in range(60):
        one = plan(account, n, minutes=200 - n)
        type(one.contact).objects.filter(pk=one.contact_id).update(zone_set=zones)
    free = plan(account, 90, minutes=1)
    taken = call_queue.take_next(account, by=agent, now=NOW)
    assert taken is not None and taken.pk == free.pk


def test_what_an_agent_left_open_goes_back_when_they_take_the_next(account: Account, agent: User) -> None:
    first, second = plan(account, 1, minutes=20), plan(account, 2, minutes=10)
    assert call_queue.take_next(account, by=agent, now=NOW).pk == first.pk  # type: ignore[union-attr]
    assert call_queue.take(second, by=agent, now=NOW) is not None
    first.refresh_from_db()
    assert (first.state, first.taken_by) == (State.QUEUED, None)


def test_narrowed_to_one_campaign_nobody_else_comes(account: Account, agent: User) -> None:
    one, other = lane(account, "One"), lane(account, "Other")
    plan(account, 1, minutes=50, lane=one)
    mine = plan(account, 2, minutes=5, lane=other)
    taken = call_queue.take_next(account, by=agent, now=NOW, wanted=call_queue.Wanted(lane=other.pk))
    assert taken is not None and taken.pk == mine.pk
    nobody = call_queue.Wanted(lanes=())
    assert call_queue.take_next(account, by=agent, now=NOW, wanted=nobody) is None


def test_an_outcome_can_be_taken_back_until_it_is_final(account: Account, agent: User) -> None:
    planned = plan(account, 1)
    taken = call_queue.take(planned, by=agent, now=NOW)
    assert taken is not None
    with pytest.raises(NotPossible, match="Nobody was called yet"):
        said_outcomes.say(taken, "answered", by=agent, now=NOW)
    call = called(taken, agent)
    said_outcomes.say(taken, "answered", by=agent, note="Wants a quote", now=NOW)
    taken.refresh_from_db()
    assert said_outcomes.outcome_of(taken) == "answered"
    assert call_queue.open_to(account, agent) == []
    said_outcomes.take_back(taken, by=agent)
    taken.refresh_from_db()
    assert (taken.state, said_outcomes.outcome_of(taken)) == (State.TAKEN, "")
    said_outcomes.say(taken, "voicemail", by=agent, now=NOW)
    over(taken)
    from conversations import call_outcomes

    call_outcomes.sweep_taken(now=NOW)
    taken.refresh_from_db()
    call.refresh_from_db()
    assert (taken.state, taken.outcome, call.note) == (State.CALLED, "voicemail", "Wants a quote")
    with pytest.raises(NotPossible, match="stands"):
        said_outcomes.take_back(taken, by=agent)


def called(planned: PlannedCall, by: User, **fields: object) -> Call:
    """A call that this agent has made and that is over."""
    chosen = {
        "state": Call.State.COMPLETED, "accepted_at": NOW, "answered_at": NOW, "ended_at": NOW, **fields
    }  # fmt: skip
    return Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, by=by, **chosen,
    )  # fmt: skip


def over(planned: PlannedCall) -> None:
    """Its lease has run out."""
    sql.run(
        "UPDATE conversations_plannedcall SET taken_until = clock_timestamp() - interval '1 second'"
        " WHERE id = %s",
        [planned.pk],
    )


@pytest.mark.django_db(transaction=True)
def test_two_agents_at_once_never_get_the_same_person() -> None:
    account = factories.make_account("Two Agents")
    agents = [factories.make_user(account, "agent", f"Agent {n}") for n in range(4)]
    people = {plan(account, n, minutes=100 - n).pk for n in range(12)}
    got: list[int] = []
    ready = threading.Barrier(len(agents))

    def work(agent: User) -> None:
        try:
            ready.wait()
            for _ in range(3):
                taken = call_queue.take_next(account, by=agent, now=NOW)
                assert taken is not None
                got.append(taken.pk)
                PlannedCall.objects.filter(pk=taken.pk).update(
                    state=State.CALLED, outcome="answered", taken_by=None, taken_until=None, due_at=None
                )
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(got) == len(set(got)) == 12 and set(got) == people


@pytest.mark.django_db(transaction=True)
def test_somebody_whose_row_is_being_taken_is_passed_over() -> None:
    account = factories.make_account("Skip Locked")
    agent = factories.make_user(account, "agent")
    first, second = plan(account, 1, minutes=20), plan(account, 2, minutes=10)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "SELECT 1 FROM conversations_plannedcall WHERE id = %s FOR NO KEY UPDATE", [first.pk]
            )
            taken = call_queue.take_next(account, by=agent, now=NOW)
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert taken is not None and taken.pk == second.pk


def test_a_lease_that_is_over_gives_the_person_to_the_next_agent(account: Account, agent: User) -> None:
    from conversations import call_outcomes

    planned = plan(account, 1)
    other = factories.make_user(account, "agent", "Ben")
    assert call_queue.take(planned, by=agent, now=NOW) is not None
    assert call_queue.take_next(account, by=other, now=NOW) is None
    over(planned)
    call_outcomes.sweep_taken(now=NOW)
    taken = call_queue.take_next(account, by=other, now=NOW)
    assert taken is not None and (taken.pk, taken.taken_by) == (planned.pk, other)
    assert not call_taking.keep(planned.pk, by=agent)


def test_closing_the_page_frees_the_person_soon_and_coming_back_keeps_them(
    account: Account, agent: User
) -> None:
    planned = plan(account, 1)
    call_queue.take(planned, by=agent, now=NOW)

    def left() -> float:
        return float(
            sql.value(
                "SELECT extract(epoch FROM taken_until - clock_timestamp()) FROM conversations_plannedcall"
                " WHERE id = %s", [planned.pk],
            )
        )  # fmt: skip

    assert left() > 60
    call_queue.leave(planned, by=agent)
    assert left() <= call_queue.LEAVING_SECONDS
    call_taking.keep(planned.pk, by=agent, seconds=call_queue.LEASE_SECONDS)
    assert left() > 60


def test_counts_say_what_waits_what_was_promised_and_when_the_next_falls_due(account: Account) -> None:
    soon = NOW + timedelta(hours=3)
    plan(account, 1)
    plan(account, 2, kind="call_back")
    plan(account, 3, due_at=soon)
    plan(account, 4, lane=lane(account, "Paused", paused=True))
    plan(account, 5, mode="script")
    waiting = call_queue.waiting(account, NOW)
    assert (waiting.due, waiting.promised, waiting.held, waiting.next_at) == (2, 1, 1, soon)
    assert call_queue.due_count(account.pk, NOW, most=99) == 2
