"""The claim of calls: the gate, one try at a time, the account's pace, and who may hold it back."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account, User
from audiences import consent_records, suppression
from audiences.models import Contact, DoNotCallEntry, DoNotCallList, Household, OptOut, ReachLimits
from common import clock, sql
from conversations import call_claiming, call_placing, call_sender, safety, touches
from conversations.call_claiming import Agent, Decided
from conversations.models import (
    Call,
    CallSettings,
    ContactHold,
    Lane,
    Listening,
    Message,
    PlannedCall,
    SafetyPause,
    SendingPause,
)
from conversations.signals import planned_calls_deferred
from tests import factories

pytestmark = pytest.mark.django_db
State = PlannedCall.State
AGENT_PHONE = "+13125550177"


@pytest.fixture
def account(noon: datetime) -> Account:
    return factories.make_account()


@pytest.fixture
def ann(account: Account) -> Contact:
    return factories.make_contact(account)


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent")


def agrees(contact: Contact) -> None:
    """A recorded written consent to recorded calls."""
    given = consent_records.Agreement("recorded_calls", "paper", "You may play me recordings", clock.now())
    consent_records.record(factories.phone_of(contact), given, contact=contact, now=clock.now())


def scripted(contact: Contact, **fields: Any) -> PlannedCall:
    return factories.plan_call(contact, mode="script", **fields)


def claim_scripts(account: Account, most: int = 100) -> Decided:
    lanes = call_sender.due_lanes(clock.now()).get(account.pk, [])
    return call_claiming.claim_scripts(account.pk, lanes, now=clock.now(), most=most)


def claim(planned: PlannedCall, agent: User) -> Decided:
    return call_claiming.claim_for_agent(planned.pk, agent=Agent(agent, AGENT_PHONE), now=clock.now())


def settings(account: Account, **chosen: Any) -> None:
    CallSettings.objects.update_or_create(account=account, defaults=chosen)


def test_a_scripted_call_is_claimed_with_a_call_written(account: Account, ann: Contact) -> None:
    agrees(ann)
    planned = scripted(ann)
    (made,) = claim_scripts(account).claims
    call = Call.objects.get(pk=made.call_id)
    planned.refresh_from_db()
    assert (planned.state, planned.due_at) == (State.CALLING, None)
    assert (call.state, call.planned, call.try_number, call.attempt) == (
        "calling",
        planned,
        1,
        made.attempt_id,
    )
    assert (made.to, made.from_) == (factories.phone_of(ann).value, planned.number.e164)
    assert (call.accepted_at, call.agent_phone, call.by) == (None, "", None)
    assert made.listens_for_machines
    assert claim_scripts(account).claims == [], "it is being called"


def test_without_consent_to_recorded_voice_a_person_calls(
    account: Account, ann: Contact, agent: User
) -> None:
    planned = scripted(ann)
    decided = claim_scripts(account)
    planned.refresh_from_db()
    assert (decided.claims, decided.to_person) == ([], [planned.pk])
    assert (planned.state, planned.mode) == (State.QUEUED, "person")
    assert not Call.objects.exists()
    assert claim(planned, agent).claims, "a person may speak to them"


def test_an_agent_is_rung_first(account: Account, ann: Contact, agent: User) -> None:
    planned = factories.plan_call(ann)
    (made,) = claim(planned, agent).claims
    call = Call.objects.get(pk=made.call_id)
    planned.refresh_from_db()
    assert (made.to, made.listens_for_machines) == (AGENT_PHONE, False)
    assert (call.by, call.agent_phone, call.address_id) == (agent, AGENT_PHONE, planned.address_id)
    assert (planned.state, planned.taken_by) == (State.CALLING, agent)


def test_what_a_colleague_has_open_is_not_called(ann: Contact, agent: User) -> None:
    bob = factories.make_user(ann.account, "agent", "Bob")
    planned = factories.plan_call(ann, state=State.TAKEN, taken_by=bob, taken_until=clock.now())
    assert claim(planned, agent).claims == []
    assert claim(planned, bob).claims != []


@pytest.mark.parametrize("kind", ["campaign", "call_back", "agent"])
def test_nobody_who_opted_out_is_called_by_anybody(ann: Contact, agent: User, kind: str) -> None:
    planned = factories.plan_call(ann, kind=kind)
    suppression.opt_out(factories.phone_of(ann), channel="phone", source=OptOut.Source.TEXT, now=clock.now())
    decided = claim(planned, agent)
    planned.refresh_from_db()
    assert decided.claims == []
    assert (planned.state, planned.code) == (State.CANCELLED, "opted_out")


@pytest.mark.parametrize(("kind", "called"), [("campaign", False), ("call_back", True), ("agent", True)])
def test_outside_the_hours_only_what_a_person_was_asked_for_is_called(
    account: Account, ann: Contact, agent: User, kind: str, called: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = clock.now().replace(hour=4)
    monkeypatch.setattr(clock, "now", lambda: night)
    planned = factories.plan_call(ann, kind=kind, now=night)
    decided = claim(planned, agent)
    planned.refresh_from_db()
    assert bool(decided.claims) == called
    if not called:
        assert (planned.state, decided.deferred[0].reason) == (State.QUEUED, "window")
        assert planned.due_at is not None
        assert planned.due_at > night


def test_texts_and_calls_to_a_phone_count_together(account: Account, ann: Contact, agent: User) -> None:
    now, phone = clock.now(), factories.phone_of(ann)
    earlier = factories.plan_call(ann, state=State.CALLED, outcome="answered", due_at=None)
    for hours in (1, 2):
        Message.objects.create(
            account=account, contact=ann, address=phone, number=earlier.number, kind="campaign", body="Hi",
            state="accepted", state_at=now - timedelta(hours=hours), created_at=now, lane=earlier.lane,
            accepted_at=now - timedelta(hours=hours),
        )  # fmt: skip
    ReachLimits.objects.create(account=account, household_per_day=3, household_per_week=21)
    third = factories.plan_call(ann)
    assert suppression_reason(third) == ""
    Call.objects.create(
        account=account, planned=earlier, direction="out", contact=ann, address=phone, number=earlier.number,
        state="completed", accepted_at=now - timedelta(hours=3),
    )  # fmt: skip
    decided = claim(third, agent)
    third.refresh_from_db()
    assert decided.claims == []
    assert decided.deferred[0].reason == "phone_cap"
    assert third.due_at == now - timedelta(hours=3) + timedelta(hours=24)


def suppression_reason(planned: PlannedCall) -> str:
    verdict = call_claiming.verdicts([planned.pk], now=clock.now())[planned.pk]
    return "" if verdict.allowed else verdict.reason


@pytest.mark.parametrize(
    ("state", "accepted", "counts"),
    [
        ("calling", False, True), ("unknown", False, True), ("ringing", False, True),
        ("completed", True, True), ("no_answer", True, True), ("failed", True, True),
        ("failed", False, False), ("refused", False, False), ("no_answer", False, False),
    ],
)  # fmt: skip
def test_a_call_touches_where_the_carrier_took_it_or_may_have(
    ann: Contact, state: str, accepted: bool, counts: bool
) -> None:
    now = clock.now()
    planned = factories.plan_call(ann)
    Call.objects.create(
        account=ann.account, planned=planned, direction="out", contact=ann, address=planned.address,
        number=planned.number, state=state, accepted_at=now if accepted else None, state_at=now,
    )  # fmt: skip
    of_phone = touches.count_by_address([planned.address_id], now).get(planned.address_id, touches.NONE)
    of_home = touches.count_by_household([ann.household_id], now).get(ann.household_id, touches.NONE)
    assert (of_phone.of_day, of_home.of_week) == (int(counts), int(counts))


def test_an_agents_own_call_and_a_call_back_touch_nobody(ann: Contact) -> None:
    now = clock.now()
    for kind in ("agent", "call_back"):
        planned = factories.plan_call(ann, kind=kind)
        Call.objects.create(
            account=ann.account, planned=planned, direction="out", contact=ann, address=planned.address,
            number=planned.number, state="completed", accepted_at=now,
        )  # fmt: skip
    assert touches.count_by_address([factories.phone_of(ann).pk], now) == {}


def test_one_home_gets_no_more_than_its_cap_in_one_claim(account: Account) -> None:
    home = Household.objects.create(account=account, key="home")
    people = [factories.make_contact(account, f"+1312555013{n}", household=home) for n in range(4)]
    for each in people:
        agrees(each)
        scripted(each)
    settings(account, per_second=30, most_at_once=50)
    decided = claim_scripts(account)
    assert len(decided.claims) == 2
    assert {each.reason for each in decided.deferred} == {"household_cap"}


def test_a_hold_puts_a_campaigns_call_off_but_no_call_back(ann: Contact, agent: User) -> None:
    now = clock.now()
    ContactHold.objects.create(contact=ann, reason="reply", at=now, until=now + timedelta(hours=72))
    held, asked = factories.plan_call(ann), factories.plan_call(ann, kind="call_back")
    decided = claim(held, agent)
    assert (decided.claims, decided.deferred[0].reason) == ([], "hold")
    assert decided.deferred[0].until - now < timedelta(minutes=16), "it may be resolved at any time"
    assert claim(asked, agent).claims


def test_the_layers_above_hear_of_what_is_put_off(ann: Contact, agent: User) -> None:
    now = clock.now()
    ContactHold.objects.create(contact=ann, reason="reply", at=now, until=now + timedelta(minutes=5))
    heard: list[Any] = []

    def listen(deferrals: list[Any], **_: Any) -> None:
        heard.extend(deferrals)

    planned_calls_deferred.connect(listen)
    try:
        claim(factories.plan_call(ann, origin="step:12"), agent)
    finally:
        planned_calls_deferred.disconnect(listen)
    assert [(each.origin, each.until) for each in heard] == [("step:12", now + timedelta(minutes=5))]


def test_a_phone_on_the_own_do_not_call_list_is_not_called(
    account: Account, ann: Contact, agent: User
) -> None:
    now = clock.now()
    kept = DoNotCallList.objects.create(
        account=account,
        kind="own",
        name="Ours",
        obtained_on=now.date(),
        read_at=now,
        confirmed_at=now,
        phones=1,
    )
    DoNotCallEntry.objects.create(list=kept, phone=factories.phone_of(ann).value)
    planned = factories.plan_call(ann)
    assert claim(planned, agent).refused[0].code == "do_not_call"


def pause_lane(planned: PlannedCall) -> None:
    Lane.objects.filter(pk=planned.lane_id).update(paused=True)


def pause_all(planned: PlannedCall) -> None:
    SendingPause.objects.create(account=planned.account)


def rest_lane(planned: PlannedCall) -> None:
    SafetyPause.objects.create(account=planned.account, lane=planned.lane, rule="opt_outs", reason="Many")


def rest_number(planned: PlannedCall) -> None:
    SafetyPause.objects.create(account=planned.account, number=planned.number, rule="failures", reason="Many")


def grow_deaf(planned: PlannedCall) -> None:
    before = sql.value("SELECT clock_timestamp() - interval '1 minute'")
    Listening.objects.create(
        account=planned.account, alive_at=before, heard_until=clock.now(), listed_at=before
    )


@pytest.mark.parametrize(
    ("hold", "held"),
    [
        (pause_lane, "paused"), (pause_all, "all_paused"), (rest_lane, "rests"), (rest_number, "rests"),
        (grow_deaf, "not_listening"),
    ],
)  # fmt: skip
def test_pauses_hold_what_campaigns_planned_whoever_calls(
    account: Account, ann: Contact, agent: User, hold: Any, held: str
) -> None:
    agrees(ann)
    by_script, by_person = scripted(ann), factories.plan_call(ann)
    own = factories.plan_call(ann, kind="agent")
    hold(by_script)
    assert claim_scripts(account).claims == []
    lanes = [by_script.lane_id]
    assert call_claiming.claim_scripts(account.pk, lanes, now=clock.now(), most=5).claims == []
    assert claim(by_person, agent).held == {by_person.pk: held}
    by_person.refresh_from_db()
    assert by_person.state == State.QUEUED
    assert claim(own, agent).claims, "an agent's own call is theirs"


def test_a_pause_that_holds_agents_too_holds_their_calls(ann: Contact, agent: User) -> None:
    own = factories.plan_call(ann, kind="agent")
    SendingPause.objects.create(account=ann.account, agents_too=True)
    assert claim(own, agent).held == {own.pk: "all_paused"}


def test_no_more_are_claimed_than_a_second_and_the_lines_allow(account: Account) -> None:
    settings(account, per_second=3, most_at_once=4)
    for number in range(8):
        contact = factories.make_contact(account, factories.reserved(110 + number))
        agrees(contact)
        scripted(contact)
    assert len(claim_scripts(account).claims) == 3
    assert claim_scripts(account).claims == [], "the second is used up"
    an_hour_later(account)
    assert len(claim_scripts(account).claims) == 1, "four lines are all there are"
    an_hour_later(account)
    assert claim_scripts(account).claims == []
    Call.objects.filter(account=account).update(state="completed")
    assert len(claim_scripts(account).claims) == 3


def an_hour_later(account: Account) -> None:
    sql.run(
        "UPDATE conversations_call SET claimed_at = claimed_at - interval '1 hour' WHERE account_id = %s",
        [account.pk],
    )


def test_lanes_share_an_accounts_pace(account: Account) -> None:
    settings(account, per_second=4, most_at_once=50)
    lanes = [factories.make_campaign_lane(account) for _ in range(2)]
    for number in range(12):
        contact = factories.make_contact(account, factories.reserved(110 + number))
        agrees(contact)
        scripted(contact, lane=lanes[0] if number < 9 else lanes[1])
    claim_scripts(account)
    by_lane = [PlannedCall.objects.filter(lane=lane, state="calling").count() for lane in lanes]
    assert by_lane == [2, 2]


def test_what_comes_too_late_expires_in_its_claim(account: Account, ann: Contact) -> None:
    agrees(ann)
    planned = scripted(ann, send_by=clock.now())
    claim_scripts(account)
    planned.refresh_from_db()
    assert (planned.state, planned.code) == (State.EXPIRED, "too_late")


def test_a_script_that_lacks_words_for_somebody_is_not_played(account: Account, ann: Contact) -> None:
    agrees(ann)
    planned = scripted(ann, variables={})
    claim_scripts(account)
    planned.refresh_from_db()
    assert (planned.state, planned.code) == (State.CANCELLED, "merge_field_missing")


def test_a_second_try_is_a_second_call(account: Account, ann: Contact) -> None:
    agrees(ann)
    settings(account, per_second=30)
    planned = scripted(ann)
    (first,) = claim_scripts(account).claims
    Call.objects.filter(pk=first.call_id).update(state="no_answer")
    PlannedCall.objects.filter(pk=planned.pk).update(state="queued", due_at=clock.now())
    (second,) = claim_scripts(account).claims
    assert Call.objects.get(pk=second.call_id).try_number == 2


def test_what_is_ringing_is_not_claimed_again(account: Account, ann: Contact, agent: User) -> None:
    agrees(ann)
    settings(account, per_second=30)
    planned = scripted(ann)
    claim_scripts(account)
    PlannedCall.objects.filter(pk=planned.pk).update(state="queued", due_at=clock.now())
    assert claim_scripts(account).claims == []
    assert claim(planned, agent).claims == []


def test_rests_of_numbers_do_not_outlast_their_end(ann: Contact, agent: User) -> None:
    planned = factories.plan_call(ann)
    rest_number(planned)
    SafetyPause.objects.update(until=clock.now())
    assert safety.in_force(ann.account, now=clock.now()) == []
    assert claim(planned, agent).claims


def test_an_agent_waits_minutes_for_a_call_whose_answer_was_lost(ann: Contact, agent: User) -> None:
    planned = factories.plan_call(ann)
    (made,) = claim(planned, agent).claims
    call = Call.objects.get(pk=made.call_id)
    assert call.valid_until == call.created_at + timedelta(minutes=3)
    for state, words in (("ringing", "in a call already"), ("unknown", "looked for")):
        Call.objects.update(state=state)
        with pytest.raises(call_placing.CallRefused, match=words):
            call_placing.place(factories.plan_call(ann).pk, by=agent, agent_phone=AGENT_PHONE)
    assert Call.objects.count() == 1
