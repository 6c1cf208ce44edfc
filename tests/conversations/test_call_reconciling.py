"""Calls whose answer was lost, at a real provider sandbox: each is found again by its own attempt, or given
up; none holds its line for ever, and none is placed twice."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from twilio.rest import Client as Twilio

from accounts.models import User
from audiences import consent_records
from audiences.models import Contact
from common import clock, sql
from conversations import (
    call_claiming,
    call_draining,
    call_placing,
    call_reconciling,
    call_routing,
    call_sender,
)
from conversations.models import AgentPhone, Call, CallSettings, PlannedCall, SendingProblem, Thread
from tests import factories
from tests.accounts.making import make_member, signed_in
from tests.conversations.conftest import Company
from tests.conversations.talking import again, agrees, place_all

pytestmark = pytest.mark.django_db(transaction=True)
PHONE, AGENT_PHONE, OTHER_PHONE = "+12175550150", "+12175550151", "+12175550152"
BUSY, SILENT = {"answers": "busy", "rings": 1}, {"answers": "no_answer"}
LOST = {"accept_then_drop": 1.0, "callbacks": {"drop": 1.0}}
QUICK = 20_000  # a quarter of an hour of a call passes in a twentieth of a second
Move = Callable[[timedelta], Any]


@pytest.fixture(autouse=True)
def quick(company: Company, settings: Any) -> None:
    """Calls pass quickly, and what was lost is looked for at once."""
    settings.RECONCILE_AFTER_SECONDS = -1
    CallSettings.objects.create(account=company.account, per_second=30, most_at_once=50)
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": QUICK})


def person(company: Company, phone: str = PHONE) -> Contact:
    made = factories.make_contact(company.account, phone)
    if not consent_records.may_be_played([factories.phone_of(made).pk]):
        agrees(made)
    return made


def lose(company: Company, people: list[Contact], **faults: Any) -> list[Call]:
    """Have them called by a script while every answer and all news is lost."""
    for each in people:
        factories.plan_call(each, mode="script")
    company.sandbox.set_faults(calls={**LOST, **faults})
    calls = place_all()
    assert {call.state for call in calls} == {"unknown"}
    return calls


def over(company: Company) -> None:
    """Every call at the provider has ended, so long ago that it shows what they asked."""
    deadline = time.monotonic() + 20
    while any(call["ended"] is None for call in company.sandbox.calls()):
        assert time.monotonic() < deadline, "calls that do not end"
        time.sleep(0.02)
    time.sleep(0.1)


def look(times: int = 3) -> None:
    for _ in range(times):
        call_reconciling.reconcile(now=clock.now())


def now_of(call: Call) -> tuple[str, str, str]:
    """(call's state, planned call's state, its outcome or code)."""
    call.refresh_from_db()
    planned = PlannedCall.objects.get(pk=call.planned_id)
    return call.state, planned.state, planned.outcome or planned.code


def sids(company: Company) -> dict[str, str]:
    """Attempt → the call that the provider placed for it."""
    return {entry["attempt"]: entry["sid"] for entry in company.sandbox.ledger("call")}


def test_two_calls_to_one_phone_are_told_apart_by_their_attempts(company: Company) -> None:
    """Both fit by number, phone and time, and not a word was heard of either."""
    company.sandbox.steer(PHONE, next=[BUSY, SILENT])
    first, second = lose(company, [person(company), person(company)])
    over(company)
    look()
    placed = sids(company)
    ends = {str(call.attempt): now_of(call) for call in (first, second)}
    assert {attempt: Call.objects.get(attempt=attempt).provider_id for attempt in ends} == placed
    assert sorted(end[0] for end in ends.values()) == ["busy", "no_answer"]
    entries = company.sandbox.ledger("call")
    assert ends[entries[0]["attempt"]][0] == "busy", "each has its own end, not the other's"
    assert SendingProblem.objects.count() == 0


def test_a_strangers_call_to_the_same_phone_is_not_taken_for_ours(company: Company) -> None:
    company.sandbox.steer(PHONE, next=[BUSY, SILENT])
    (ours,) = lose(company, [person(company)])
    company.sandbox.clear_faults()
    stored = company.number.connection
    client = Twilio(stored.settings["account_sid"], stored.credentials["auth_token"])
    client.api.base_url = company.sandbox.base_url
    client.calls.create(to=PHONE, from_=company.number.e164, twiml="<Response><Hangup/></Response>")
    over(company)
    look()
    assert now_of(ours)[0] == "busy"
    assert ours.provider_id == sids(company)[str(ours.attempt)]


def test_a_call_that_never_left_does_not_take_the_one_that_did(company: Company) -> None:
    """The first request was cut before the provider had it: the one listed call is the second's."""
    company.sandbox.steer(PHONE, **BUSY)
    lose(company, [person(company)], accept_then_drop=0.0, drop_before_accept=1.0)
    never, did = lose(company, [person(company)], drop_before_accept=0.0)
    over(company)
    call_reconciling._look_up(
        Call.objects.select_related("address", "number__connection").get(pk=never.pk),
        call_reconciling.TwilioAccess.of(company.number.connection), clock.now(),
    )  # fmt: skip
    assert now_of(never)[0] == "unknown", "asked first, it has the other's before its eyes"
    look()
    assert (now_of(did)[0], now_of(never)[0]) == ("busy", "unknown")
    Call.objects.filter(pk=never.pk).update(valid_until=clock.now())
    look()
    assert now_of(never) == ("failed", PlannedCall.State.FAILED, "delivery_unknown")
    assert len(company.sandbox.ledger("call")) == 1


def test_what_nobody_can_tell_apart_ends_after_two_hours_and_frees_its_line(
    company: Company, later: Move
) -> None:
    """As if it were the call that was answered: whoever may have spoken with us is not called again."""
    company.sandbox.steer(PHONE, next=[SILENT, BUSY])
    first, second = lose(company, [person(company), person(company)], hides_requests=True)
    over(company)
    later(timedelta(minutes=119))
    look()
    assert {now_of(call)[0] for call in (first, second)} == {"unknown"}, "it may be shown yet"
    assert Counter(Call.objects.values_list("state", flat=True)) == {"unknown": 2}
    later(timedelta(minutes=2))
    look()
    assert sorted(now_of(call)[0] for call in (first, second)) == ["busy", "no_answer"]
    assert set(Call.objects.values_list("provider_id", flat=True)) == set(sids(company).values())
    assert call_claiming._room(company.account.pk) == 30, "no line is held"
    (problem,) = SendingProblem.objects.all()
    assert (problem.code, problem.remedy, problem.number) == ("several_calls", "check_calls", company.number)
    page = signed_in(make_member(company.account)).get("/settings/sending-problems/").content.decode()
    assert "several calls to its phone may have been it" in page
    assert len(company.sandbox.ledger("call")) == 2


def test_of_several_the_one_that_was_answered_is_ours(company: Company, later: Move) -> None:
    company.sandbox.steer(PHONE, next=[SILENT, {"answers": "fax", "rings": 1}])
    (ours,) = lose(company, [person(company)], hides_requests=True)
    stored = company.number.connection
    client = Twilio(stored.settings["account_sid"], stored.credentials["auth_token"])
    client.api.base_url = company.sandbox.base_url
    company.sandbox.set_faults(calls={"accept_then_drop": 0.0})
    other = client.calls.create(to=PHONE, from_=company.number.e164, twiml="<Response><Hangup/></Response>")
    over(company)
    later(timedelta(hours=2, minutes=1))
    look()
    assert (now_of(ours)[0], ours.provider_id) == ("completed", other.sid)
    assert "did not say which" in ours.reason


def test_an_agents_lost_call_with_several_matches_is_given_up_in_minutes(
    company: Company, later: Move
) -> None:
    """Until the agent presses a key no customer is rung: they may go on calling."""
    agent: User = factories.make_user(company.account, "agent")
    company.sandbox.steer(AGENT_PHONE, **SILENT)
    company.sandbox.set_faults(calls={**LOST, "hides_requests": True})
    planned = factories.plan_call(person(company))
    call = call_placing.place(planned.pk, by=agent, agent_phone=AGENT_PHONE)
    stored = company.number.connection
    client = Twilio(stored.settings["account_sid"], stored.credentials["auth_token"])
    client.api.base_url = company.sandbox.base_url
    company.sandbox.set_faults(calls={"accept_then_drop": 0.0})
    client.calls.create(to=AGENT_PHONE, from_=company.number.e164, twiml="<Response><Hangup/></Response>")
    over(company)
    look()
    assert now_of(call)[0] == "unknown"
    later(timedelta(minutes=3, seconds=1))
    look()
    assert now_of(call)[:2] == ("failed", PlannedCall.State.TAKEN)
    again = call_placing.place(planned.pk, by=agent, agent_phone=AGENT_PHONE)
    assert again.try_number == 2


def test_a_call_that_the_provider_has_forgotten_is_over(company: Company, later: Move) -> None:
    company.sandbox.steer(PHONE, **BUSY)
    factories.plan_call(person(company), mode="script")
    company.sandbox.set_faults(calls={"callbacks": {"drop": 1.0}})
    place_all()
    over(company)
    call = Call.objects.exclude(state="refused").get()
    assert call.state == "accepted"
    account = company.sandbox.credentials["account_sid"]
    company.sandbox.http.delete(
        f"{company.sandbox.base_url}/2010-04-01/Accounts/{account}/Calls/{call.provider_id}.json",
        auth=(account, company.sandbox.credentials["auth_token"]),
    ).raise_for_status()
    look()
    assert now_of(call)[0] == "accepted", "news may be on its way"
    later(call_reconciling.SILENT_AFTER + timedelta(seconds=1))
    look()
    assert now_of(call) == ("failed", PlannedCall.State.FAILED, "20404")


def test_an_end_that_nobody_told_is_looked_up(company: Company, later: Move) -> None:
    company.sandbox.steer(PHONE, **BUSY)
    factories.plan_call(person(company), mode="script")
    company.sandbox.set_faults(calls={"callbacks": {"drop_final": 1.0}})
    place_all()
    over(company)
    call_draining.drain()
    call = Call.objects.exclude(state="refused").get()
    assert call.state in ("accepted", "ringing")
    later(call_reconciling.SILENT_AFTER + timedelta(seconds=1))
    look()
    assert now_of(call)[0] == "busy"


@pytest.mark.parametrize("talked", [False, True])
def test_a_callers_end_that_nobody_told_is_looked_up(
    company: Company, settings: Any, later: Move, talked: bool
) -> None:
    """Else whoever took such a call would be in it for ever, and not rung for any other; and who was missed
    would wait for nobody."""
    CallSettings.objects.filter(account=company.account).update(office_line=AGENT_PHONE)
    company.sandbox.steer(AGENT_PHONE, by_hand=True)
    agent = factories.make_user(company.account, "agent")
    caller = person(company)
    called = company.sandbox.on_the_phone(PHONE, "call", to=company.number.e164, by_hand=True)
    assert called.status_code == 200, called.text
    until = time.monotonic() + 20
    while not Call.objects.filter(direction="in").exists():
        assert time.monotonic() < until, "the call does not come here"
        time.sleep(0.02)
    if talked:  # an agent has taken it by a key
        Call.objects.update(answered_at=clock.now(), connected_at=clock.now(), by=agent)
    settings.PUBLIC_URL = "http://127.0.0.1:9"  # by which every signature is wrong: nothing more is heard
    assert company.sandbox.on_the_phone(PHONE, "hangup").status_code == 200
    over(company)
    call = Call.objects.get()
    AgentPhone.objects.create(
        account=company.account, user=agent, phone=AGENT_PHONE, available_since=clock.now()
    )
    look()
    assert (again(call).contact, call.state, call.ended_at) == (caller, "ringing", None), "news may come yet"
    assert rung(company) == ([] if talked else [agent])
    later(call_reconciling.SILENT_AFTER + timedelta(seconds=1))
    look()
    assert (again(call).state, call.ended_at is not None) == ("completed" if talked else "no_answer", True)
    assert Thread.objects.filter(contact=caller, needs_reply=True).exists() != talked
    assert rung(company) == [agent]


def rung(company: Company) -> list[User]:
    """Who would be rung for the next caller."""
    AgentPhone.objects.update(seen_at=clock.now())
    return [phone.user for phone in call_routing.available(company.account.pk, now=clock.now())]


def test_a_provider_that_does_not_answer_is_asked_once_a_round(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    for phone in (PHONE, OTHER_PHONE):
        company.sandbox.steer(phone, **SILENT)
    calls = lose(company, [person(company), person(company, OTHER_PHONE)])
    stored = company.number.connection
    stored.settings = {**stored.settings, "base_url": "http://127.0.0.1:9"}
    stored.save()
    with caplog.at_level(logging.WARNING, "conversations.call_reconciling"):
        assert call_reconciling.reconcile(now=clock.now()) == 0
    assert caplog.text.count("calls cannot be looked up") == 1
    stored.credentials = {}
    stored.save()
    with caplog.at_level(logging.WARNING, "conversations.call_reconciling"):
        assert call_reconciling.reconcile(now=clock.now()) == 0
    assert caplog.text.count("lacks 'auth_token'") == 1
    assert {now_of(call)[0] for call in calls} == {"unknown"}


def test_a_call_that_breaks_us_keeps_no_other_from_its_turn(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    for phone in (PHONE, OTHER_PHONE):
        company.sandbox.steer(phone, **BUSY)
    sick, sound = lose(company, [person(company), person(company, OTHER_PHONE)])
    other = factories.make_account()
    number = factories.make_number(other, "+17735550177", base_url=company.sandbox.base_url)
    number.connection.credentials = {"auth_token": 5}  # what nobody foresaw
    number.connection.save()
    Call.objects.filter(pk=sick.pk).update(number=number)
    over(company)
    with caplog.at_level(logging.ERROR, "conversations.call_reconciling"):
        look()
    assert f"call {sick.pk} cannot be settled" in caplog.text
    assert (now_of(sick)[0], now_of(sound)[0]) == ("unknown", "busy")


def test_polls_grow_rarer(company: Company, settings: Any) -> None:
    company.sandbox.steer(PHONE, **SILENT)
    (call,) = lose(company, [person(company)], accept_then_drop=0.0, drop_before_accept=1.0)
    settings.RECONCILE_AFTER_SECONDS = 100
    polls = 0
    for age, due in ((99, False), (101, True), (150, False), (201, True), (399, False), (401, True)):
        sql.run(
            "UPDATE conversations_call SET claimed_at = clock_timestamp() - %s * interval '1 second'", [age]
        )
        call_reconciling.reconcile(now=clock.now())
        polls += due
        call.refresh_from_db()
        assert call.unknown_polls == polls, age
    assert call_sender.due_lanes(clock.now()) == {}
