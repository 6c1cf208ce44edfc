"""Whoever is called next is asked after at the source first, at a real simulated ServiceTitan."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from audiences.models import Contact
from common import clock
from conversations import call_claiming, call_placing, call_rechecking, call_sender, rechecking
from conversations.models import Call, CallSettings, PlannedCall
from tests import factories
from tests.conversations.talking import agrees
from tests.conversations.test_rechecking import books, connected, now, source  # noqa: F401  (fixtures)
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.django_db
State = PlannedCall.State
Clock = dict[str, datetime]
AGENT_PHONE = "+13125550177"


def people(sandbox: SandboxProcess) -> list[Contact]:
    """Two customers of an account whose mirror is an hour old."""
    account = connected(sandbox).account
    CallSettings.objects.create(account=account, per_second=30)
    found = list(Contact.objects.filter(account=account).order_by("pk"))
    for each in found:
        agrees(each)
    return found


def claimed(contact: Contact) -> int:
    """How many scripted calls of the account are claimed now."""
    lanes = call_sender.due_lanes(clock.now()).get(contact.account_id, [])
    made = call_claiming.claim_scripts(contact.account_id, lanes, now=clock.now(), most=10)
    return len(made.claims)


def now_of(planned: PlannedCall) -> tuple[str, str]:
    planned.refresh_from_db()
    return planned.state, planned.code


def test_a_script_calls_nobody_before_the_source_was_asked(source: SandboxProcess) -> None:  # noqa: F811
    ann, _ = people(source)
    planned = factories.plan_call(ann, mode="script")
    assert claimed(ann) == 0
    rechecking.work()
    planned.refresh_from_db()
    assert planned.rechecked_at == clock.now()
    assert claimed(ann) == 1


def test_who_has_just_booked_is_not_called(source: SandboxProcess) -> None:  # noqa: F811
    ann, bob = people(source)
    since = clock.now() - timedelta(days=1)
    calls = [factories.plan_call(each, mode="script", unless_booked_since=since) for each in (ann, bob)]
    books(source, ann, clock.now() - timedelta(minutes=5))
    rechecking.work()
    assert claimed(ann) == 1
    assert [now_of(each) for each in calls] == [(State.CANCELLED, "booked"), (State.CALLING, "")]


def test_people_of_lists_alone_need_no_source(source: SandboxProcess) -> None:  # noqa: F811
    ann, _ = people(source)
    Contact.objects.filter(pk=ann.pk).update(servicetitan_customer_id=-7)
    factories.plan_call(ann, mode="script")
    source.set_faults(servicetitan={"unreachable": True})
    rechecking.work()
    assert claimed(ann) == 1


def test_a_silent_source_puts_calls_off_for_two_hours_then_skips_them(
    source: SandboxProcess,  # noqa: F811
    now: Clock,  # noqa: F811
) -> None:
    ann, _ = people(source)
    planned = factories.plan_call(ann, mode="script")
    source.set_faults(servicetitan={"unreachable": True})
    rechecking.work()
    assert now_of(planned) == (State.QUEUED, "")
    assert planned.due_at == clock.now() + rechecking.PUT_OFF
    now["now"] += rechecking.PUT_OFF - timedelta(seconds=1)
    rechecking._silent_until.clear()
    rechecking.work()
    assert now_of(planned) == (State.QUEUED, ""), "it is not due yet"
    now["now"] += timedelta(seconds=1)
    rechecking._silent_until.clear()
    rechecking.work()
    assert now_of(planned) == (State.CANCELLED, rechecking.SOURCE_UNREACHABLE)
    assert not Call.objects.exists()


def test_a_source_that_is_back_lets_them_be_called(source: SandboxProcess, now: Clock) -> None:  # noqa: F811
    ann, _ = people(source)
    planned = factories.plan_call(ann, mode="script")
    source.set_faults(servicetitan={"unreachable": True})
    rechecking.work()
    source.clear_faults()
    now["now"] += rechecking.PUT_OFF
    rechecking._silent_until.clear()
    rechecking.work()
    planned.refresh_from_db()
    assert planned.recheck_failed_at is None
    assert claimed(ann) == 1


@pytest.fixture
def agent(source: SandboxProcess) -> User:  # noqa: F811
    ann, _ = people(source)
    return factories.make_user(ann.account, "agent")


def first(agent: User) -> Contact:
    return Contact.objects.order_by("pk")[0]


def test_an_agent_who_presses_call_learns_of_a_booking_in_time(
    source: SandboxProcess,  # noqa: F811
    agent: User,
) -> None:
    ann = first(agent)
    planned = factories.plan_call(ann, unless_booked_since=clock.now() - timedelta(days=1))
    books(source, ann, clock.now() - timedelta(minutes=5))
    with pytest.raises(call_placing.CallRefused, match="booked meanwhile"):
        call_placing.place(planned.pk, by=agent, agent_phone=AGENT_PHONE)
    assert now_of(planned) == (State.CANCELLED, "booked")
    assert not Call.objects.exists()


def test_an_agent_is_told_what_a_silent_source_does_to_the_call(
    source: SandboxProcess,  # noqa: F811
    agent: User,
    now: Clock,  # noqa: F811
) -> None:
    planned = factories.plan_call(first(agent))
    source.set_faults(servicetitan={"unreachable": True})
    with pytest.raises(call_placing.CallRefused, match="put off for two hours"):
        call_placing.place(planned.pk, by=agent, agent_phone=AGENT_PHONE)
    assert now_of(planned) == (State.QUEUED, "")
    now["now"] += rechecking.PUT_OFF
    with pytest.raises(call_placing.CallRefused, match="taken out of the queue"):
        call_placing.place(planned.pk, by=agent, agent_phone=AGENT_PHONE)
    assert now_of(planned) == (State.CANCELLED, rechecking.SOURCE_UNREACHABLE)
    assert not Call.objects.exists()


def test_what_was_asked_a_moment_ago_is_not_asked_again(
    source: SandboxProcess,  # noqa: F811
    agent: User,
) -> None:
    planned = factories.plan_call(first(agent))
    assert call_rechecking.ask_now(planned, now=clock.now())
    planned.refresh_from_db()
    source.set_faults(servicetitan={"unreachable": True})
    assert call_rechecking.ask_now(planned, now=clock.now())


def test_what_is_being_called_is_neither_marked_nor_put_off(source: SandboxProcess) -> None:  # noqa: F811
    ann, _ = people(source)
    calling = factories.plan_call(ann, state=State.CALLING, due_at=None)
    assert call_rechecking.mark([calling.pk], asked_at=clock.now()) == 0
    assert call_rechecking.put_off(ann.account_id, [calling.pk], now=clock.now()) == 0
    assert now_of(calling) == (State.CALLING, "")
    assert calling.rechecked_at is None


def test_only_scripts_are_asked_after_beforehand_and_never_a_paused_campaigns(
    source: SandboxProcess,  # noqa: F811
) -> None:
    ann, _ = people(source)
    factories.plan_call(ann)
    script = factories.plan_call(ann, mode="script")
    later = factories.plan_call(ann, mode="script", due_at=clock.now() + timedelta(minutes=1))
    since = clock.now()
    assert [each.id for each in call_rechecking.waiting(ann.account_id, since, clock.now())] == [script.pk]
    script.lane.__class__.objects.filter(pk=script.lane_id).update(paused=True)
    assert call_rechecking.waiting(ann.account_id, since, clock.now()) == []
    assert later.rechecked_at is None
