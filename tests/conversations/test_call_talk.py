"""What calls that we placed say and do, question by question as Twilio asks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.models import Account
from audiences import consent_records
from audiences.models import Contact, OptOut
from common import clock
from conversations import call_talk, opt_outs
from conversations.models import AgentPhone, Call, CallSettings, PlannedCall
from integrations.twilio import live_calls
from tests import factories
from tests.conversations.talking import CUSTOMER, OFFICE, Phone, again, agrees, make_number, placed

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)  # a Tuesday in Chicago
VOICEMAIL = {"voicemail": {"en": "{{ first_name }}, please call us about your plan."}}


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    moments = [NOON]
    monkeypatch.setattr(clock, "now", lambda: moments[-1])
    return moments


@pytest.fixture
def account() -> Account:
    made = factories.make_account("Comfort Air")
    CallSettings.objects.create(account=made, office_line=OFFICE)
    return made


@pytest.fixture
def contact(account: Account) -> Contact:
    return factories.make_contact(account, CUSTOMER, name="Ann Rivera", first_name="Ann")


@pytest.fixture
def phone(client: Client, account: Account) -> Phone:
    return Phone(client, make_number(account))


def agent(account: Account, e164: str, *, seen: datetime = NOON, available: bool = True) -> AgentPhone:
    return AgentPhone.objects.create(
        account=account, user=factories.make_user(account, "agent"), phone=e164, seen_at=seen,
        available_since=NOON if available else None,
    )  # fmt: skip


def test_a_script_says_who_calls_and_how_to_stop_it_before_anything_else(
    phone: Phone, contact: Contact
) -> None:
    agrees(contact)
    call = placed(contact)
    heard = phone.answered(call, AnsweredBy="human")
    words = [each.text for each in heard.verb("Gather").iter("Say")]
    assert words[0] == "Hello, this is Comfort Air."
    assert "press 9" in str(words[1])
    assert words[2] == "Hi Ann, your plan ends soon."
    assert "press 1" in heard.said and "press 2" in heard.said
    assert heard.names == ["Gather", "Say", "Hangup"]
    assert (again(call).outcome, call.answered_at, call.provider_id) == ("answered", NOON, phone.sid)
    assert phone.answered(call, AnsweredBy="human").text == heard.text


def test_it_speaks_the_customers_language(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    Contact.objects.filter(pk=contact.pk).update(language="es")
    heard = phone.answered(placed(contact))
    assert {each.attrib["language"] for each in heard.verb("Gather").iter("Say")} == {"es-MX"}
    assert "Hola Ann." in heard.said and "oprima 9" in heard.said


def test_nobody_without_consent_is_ever_played_a_recording(phone: Phone, contact: Contact) -> None:
    """Neither the script nor the voicemail nor an apology: the check stands where the words are given out."""
    call = placed(contact, plan=VOICEMAIL)
    for heard in (
        phone.answered(call, AnsweredBy="human"),
        phone.answered(call, AnsweredBy="machine_end_beep"),
        phone.post(f"/webhooks/twilio/calls/voicemail/{call.attempt}"),
    ):
        assert (heard.names, heard.said) == (["Hangup"], "")
    agrees(contact)
    opt_outs.by_agent(contact, by=factories.make_user(contact.account), evidence="", now=NOON)
    assert phone.answered(call, AnsweredBy="human").names == ["Hangup"]  # the wish ended the consent
    assert again(call).code == "no_consent"


def test_a_consent_that_ended_on_the_way_is_seen(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    call = placed(contact)
    assert phone.answered(call).names[0] == "Gather"
    address = factories.phone_of(contact)
    consent_records.end([address.pk], why="withdrawn", now=NOON)
    assert phone.answered(call).names == ["Hangup"]


def test_nine_stops_everything_at_once(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    call = placed(contact)
    heard = phone.answered(call)
    answer = phone.presses(heard, "9")
    assert "no more calls or texts from Comfort Air" in answer.said and answer.names[-1] == "Hangup"
    wish = OptOut.objects.get()
    assert (wish.source, wish.evidence) == ("phone", f"Pressed 9 on the call {phone.sid}")
    assert (wish.contact, wish.provider_id) == (contact, phone.sid)
    assert again(call).opted_out_at == NOON and call.digits == "9"
    assert again(call.planned).opted_out_at == NOON
    assert phone.presses(heard, "9").text == answer.text  # repeated by the provider
    assert OptOut.objects.count() == 1


def test_two_plans_one_call_back_however_often_it_is_told(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    call = placed(contact)
    heard = phone.answered(call)
    for _ in range(2):
        answer = phone.presses(heard, "2")
    assert "will call you back" in answer.said
    back = PlannedCall.objects.get(kind="call_back")
    assert (back.mode, back.origin, back.contact) == ("person", f"callback:{call.pk}", contact)
    assert again(call).outcome == "call_back"


def test_one_rings_the_office_with_our_number(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    call = placed(contact)
    answer = phone.presses(phone.answered(call), "1")
    dial = answer.verb("Dial")
    assert answer.rung == [OFFICE]
    assert (dial.attrib["timeout"], dial.attrib["callerId"]) == ("20", phone.number.e164)
    assert again(call).transferred_at == NOON
    phone.leg(answer, "in-progress")
    assert again(call).connected_at == NOON
    assert phone.dialed(answer, "completed", 60).names == ["Hangup"]
    assert (again(call).abandoned_at, call.outcome) == (None, "answered")


def test_agents_who_are_there_are_rung_together_then_the_office(
    phone: Phone, contact: Contact, account: Account
) -> None:
    CallSettings.objects.update(transfer_to="both")
    first, second = agent(account, "+13125550161"), agent(account, "+13125550162")
    agent(account, "+13125550163", seen=NOON - timedelta(seconds=61))
    agent(account, "+13125550164", available=False)
    busy = agent(account, "+13125550165")
    Call.objects.create(
        account=account, direction="in", address=factories.phone_of(contact), number=phone.number,
        state="in_progress", by=busy.user,
    )  # fmt: skip
    agrees(contact)
    call = placed(contact)
    answer = phone.presses(phone.answered(call), "1")
    assert answer.rung == [first.phone, second.phone]
    asked = phone.post(list(answer.verb("Dial").iter("Number"))[1].attrib["url"])
    assert "wants to talk to" in asked.said and asked.names == ["Gather", "Hangup"]
    # So far a voicemail may have picked up: by the provider's word that is answered, too.
    then = phone.dialed(answer, "completed", 9)
    assert then.rung == [OFFICE] and again(call).connected_at is None
    for _ in range(2):
        assert phone.takes(answer, place=1).names == []  # both are connected
    assert (again(call).by, call.connected_at) == (second.user, NOON)
    assert phone.dialed(answer, "completed", 60).names == ["Hangup"]


def test_an_agent_takes_no_call_that_is_over_nor_a_stranger_any(
    phone: Phone, contact: Contact, account: Account
) -> None:
    CallSettings.objects.update(transfer_to="agents")
    there = agent(account, "+13125550161")
    agrees(contact)
    call = placed(contact)
    answer = phone.presses(phone.answered(call), "1")
    stranger = factories.make_user(factories.make_account(), "agent")
    path = f"/webhooks/twilio/calls/screen/{call.attempt}?agent="
    assert phone.post(f"{path}{stranger.pk}", Digits="1").names == ["Hangup"]
    assert again(call).connected_at is None
    Call.objects.filter(pk=call.pk).update(state="completed", ended_at=NOON)
    assert "has hung up" in phone.post(f"{path}{there.user_id}", Digits="1").said
    assert (again(call).connected_at, call.by) == (None, None)
    assert answer.rung == [there.phone]


def test_a_transfer_that_nobody_takes_is_abandoned_and_offers_a_call_back(
    phone: Phone, contact: Contact, moment: list[datetime]
) -> None:
    agrees(contact)
    call = placed(contact)
    answer = phone.presses(phone.answered(call), "1")
    moment.append(NOON + timedelta(seconds=20))
    for _ in range(2):
        sorry = phone.dialed(answer, "no-answer")
        moment.append(NOON + timedelta(seconds=40))
    assert "nobody could take your call" in sorry.said
    assert again(call).abandoned_at == NOON + timedelta(seconds=20)
    phone.presses(sorry, "2")
    assert PlannedCall.objects.filter(kind="call_back").count() == 1
    assert "none of the choices" in phone.presses(sorry, "1").said  # not in circles


def test_a_wrong_key_is_asked_again_once(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    first = phone.presses(phone.answered(placed(contact)), "5")
    assert "none of the choices" in first.said and first.names[0] == "Gather"
    assert phone.presses(first, "5").names == ["Say", "Hangup"]


def test_nobody_is_offered_a_talk_that_nobody_would_take(phone: Phone, contact: Contact) -> None:
    CallSettings.objects.update(office_line="")
    agrees(contact)
    assert "press 1" not in phone.answered(placed(contact)).said


@pytest.mark.parametrize("answered_by", ["machine_end_beep", "machine_end_silence", "machine_end_other"])
def test_a_machine_hears_its_own_words_and_how_to_reach_us(
    phone: Phone, contact: Contact, answered_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    led: list[str] = []
    monkeypatch.setattr(live_calls, "redirect", lambda access, call_id, *, url: led.append(url))
    agrees(contact)
    call = placed(contact, plan=VOICEMAIL)
    phone.answered(call)  # nobody knows yet who it is
    phone.post(f"/webhooks/twilio/calls/amd/{call.attempt}", AnsweredBy=answered_by)
    assert again(call).outcome == "no_answer"  # nothing is left on it yet
    heard = phone.post(led[0])
    assert heard.names[-1] == "Hangup" and "Gather" not in heard.names
    assert "this is Comfort Air" in heard.said and "please call us about your plan" in heard.said
    assert "3 1 2, 5 5 5, 0 1 9 0" in heard.said and "stop our calls and texts" in heard.said
    assert (again(call).outcome, call.answered_by) == ("voicemail", answered_by)


def test_a_machine_without_words_for_it_is_hung_up_on(
    phone: Phone, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(live_calls, "end", lambda access, call_id: ended.append(call_id))
    agrees(contact)
    call = placed(contact)
    phone.answered(call)
    phone.post(f"/webhooks/twilio/calls/amd/{call.attempt}", AnsweredBy="machine_end_beep")
    assert (ended, again(call).outcome) == ([phone.sid], "no_answer")


@pytest.mark.parametrize("answered_by", ["human", "unknown"])
def test_whoever_may_be_a_person_is_one(
    phone: Phone, contact: Contact, answered_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    led: list[str] = []
    monkeypatch.setattr(live_calls, "redirect", lambda access, call_id, *, url: led.append(url))
    monkeypatch.setattr(live_calls, "end", lambda access, call_id: led.append(call_id))
    agrees(contact)
    call = placed(contact, plan=VOICEMAIL)
    phone.answered(call)
    phone.post(f"/webhooks/twilio/calls/amd/{call.attempt}", AnsweredBy=answered_by)
    assert (led, again(call).outcome) == ([], "answered")


def test_a_key_says_more_than_the_machine_detection(
    phone: Phone, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    led: list[str] = []
    monkeypatch.setattr(live_calls, "redirect", lambda access, call_id, *, url: led.append(url))
    agrees(contact)
    call = placed(contact, plan=VOICEMAIL)
    phone.presses(phone.answered(call), "1")
    phone.post(f"/webhooks/twilio/calls/amd/{call.attempt}", AnsweredBy="machine_end_beep")
    assert (led, again(call).outcome) == ([], "answered")


def test_an_agent_on_the_line_is_connected_with_the_customer(phone: Phone, contact: Contact) -> None:
    call = placed(contact, mode="person", plan={"ring_seconds": 30})
    asked = phone.answered(call)
    assert asked.rung == [] and asked.names == ["Gather", "Say", "Hangup"]  # no voicemail rings a customer
    assert (again(call).accepted_at, again(call).planned.tries) == (None, 0)
    heard = phone.presses(asked, "1")
    assert phone.presses(asked, "1").text == heard.text
    assert (again(call).accepted_at, PlannedCall.objects.get().tries) == (NOON, 1)
    dial = heard.verb("Dial")
    assert heard.rung == [CUSTOMER] and "Calling Ann Rivera" in heard.said
    assert (dial.attrib["callerId"], dial.attrib["timeout"]) == (phone.number.e164, "30")
    assert "record" not in dial.attrib
    phone.leg(heard, "in-progress")
    assert again(call).connected_at == call.answered_at == NOON
    phone.dialed(heard, "completed", 90)
    assert (again(call).outcome, call_talk.observed(call)) == ("", "answered")  # the outcome is the agent's
    assert call.abandoned_at is None


@pytest.mark.parametrize(
    ("status", "outcome"), [("busy", "busy"), ("no-answer", "no_answer"), ("canceled", ""), ("failed", "")]
)
def test_what_the_customers_leg_did_is_known(
    phone: Phone, contact: Contact, status: str, outcome: str
) -> None:
    call = placed(contact, mode="person")
    phone.dialed(phone.picked_up(call), status)
    assert call_talk.observed(again(call)) == outcome


def test_whoever_opted_out_meanwhile_is_not_rung_by_a_person_either(phone: Phone, contact: Contact) -> None:
    call = placed(contact, mode="person")
    opt_outs.by_agent(contact, by=factories.make_user(contact.account), evidence="", now=NOON)
    heard = phone.picked_up(call)
    assert again(call).accepted_at is None
    assert heard.rung == [] and "has opted out" in heard.said


LATE = [  # what became of the planned call meanwhile, and what the agent hears
    ({"state": "called", "outcome": "answered"}, "over already"),
    ({"state": "cancelled"}, "over already"),
    ({"state": "taken", "colleague": True}, "A colleague has this person"),
    ({"state": "calling", "colleague": True}, "A colleague has this person"),
    ({"state": "calling", "other try": True}, "being called at this moment"),
    ({"state": "queued", "due_at": NOON + timedelta(days=3)}, "put off until later"),
    ({"state": "taken", "own": True, "code": "said:voicemail"}, "have said what came of this call"),
]


@pytest.mark.parametrize(("meanwhile", "words"), LATE)
def test_an_agent_whose_phone_rings_late_calls_nobody_elses(
    phone: Phone, contact: Contact, meanwhile: dict[str, Any], words: str
) -> None:
    """Their call was given up: somebody else may have the customer by now."""
    ann, bob = (factories.make_user(contact.account, "agent") for _ in range(2))
    call = placed(contact, mode="person")
    Call.objects.filter(pk=call.pk).update(
        state="failed", code="delivery_unknown", by=ann, agent_phone="+13125550171"
    )
    state = {name: meanwhile[name] for name in ("state", "outcome", "code") if name in meanwhile}
    has = bob if meanwhile.get("colleague") else ann if meanwhile.get("own") else None
    until = clock.now() + timedelta(minutes=1) if has else None
    due = NOON if state["state"] == "taken" else meanwhile.get("due_at")
    PlannedCall.objects.update(taken_by=has, taken_until=until, due_at=due, **state)
    if meanwhile.get("other try"):
        Call.objects.create(
            account=call.account, planned=call.planned, try_number=2, direction="out", contact=contact,
            address=call.address, number=call.number, state="ringing", by=ann,
        )  # fmt: skip
    heard = phone.picked_up(call)
    assert heard.rung == [] and words in heard.said and "Nobody was called" in heard.said
    assert again(call).accepted_at is None


@pytest.mark.parametrize("kept", [True, False])
def test_an_agents_call_that_was_given_up_and_rings_after_all_is_theirs_again(
    phone: Phone, contact: Contact, kept: bool
) -> None:
    ann = factories.make_user(contact.account, "agent")
    call = placed(contact, mode="person")
    Call.objects.filter(pk=call.pk).update(
        state="failed", code="delivery_unknown", by=ann, agent_phone="+13125550171"
    )
    has = {"taken_by": ann, "taken_until": NOON, "state": "taken"} if kept else {"state": "queued"}
    PlannedCall.objects.update(due_at=NOON, **has)
    heard = phone.picked_up(call)
    assert heard.rung == [CUSTOMER]
    planned = PlannedCall.objects.get()
    assert (planned.state, planned.taken_by, planned.taken_until, planned.tries) == ("calling", ann, None, 1)
    assert (again(call).state, call.code, call.provider_id) == ("in_progress", "", phone.sid)


def test_a_script_whose_answer_was_lost_is_found_by_its_own_question(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    call = placed(contact)
    Call.objects.filter(pk=call.pk).update(state="unknown", accepted_at=None)
    PlannedCall.objects.update(state="unknown")
    assert phone.answered(call, AnsweredBy="human").names[0] == "Gather"
    assert (again(call).state, call.provider_id, call.accepted_at) == ("in_progress", phone.sid, NOON)
    assert (again(call.planned).state, call.planned.tries) == ("calling", 1)


def test_a_question_under_anothers_id_is_answered_and_takes_nothing(phone: Phone, contact: Contact) -> None:
    """Its id was taken for another call of ours: who listens hears their own words all the same."""
    agrees(contact)
    other, call = placed(contact), placed(contact)
    Call.objects.filter(pk=other.pk).update(provider_id=phone.sid)
    assert phone.answered(call).names[0] == "Gather"
    assert (again(call).provider_id, again(other).provider_id) == (None, phone.sid)


def test_a_customer_who_answers_after_the_agent_has_gone_was_abandoned(
    phone: Phone, contact: Contact
) -> None:
    call = placed(contact, mode="person")
    heard = phone.picked_up(call)
    Call.objects.filter(pk=call.pk).update(state="completed", ended_at=NOON)
    phone.leg(heard, "in-progress")
    assert (again(call).abandoned_at, call.connected_at) == (NOON, None)


def test_people_are_recorded_only_with_the_notice_and_who_may_hear_it(phone: Phone, contact: Contact) -> None:
    CallSettings.objects.update(records=True, recording_notice="This call may be recorded.")
    call = placed(contact, mode="person")
    assert "record" not in phone.picked_up(call).verb("Dial").attrib
    agrees(contact)
    heard = phone.picked_up(call)
    assert heard.verb("Dial").attrib["record"] == "record-from-answer-dual"
    notice = next(iter(heard.verb("Dial").iter("Number"))).attrib["url"]
    assert phone.post(notice).said == "This call may be recorded."
    opt_outs.by_agent(contact, by=factories.make_user(contact.account), evidence="", now=NOON)
    assert phone.post(notice).names == ["Hangup"]


def test_a_recorded_transfer_says_so_first(phone: Phone, contact: Contact) -> None:
    CallSettings.objects.update(records=True)
    agrees(contact)
    call = placed(contact)
    answer = phone.presses(phone.answered(call), "1")
    assert answer.said.startswith("This call may be recorded.")
    told = answer.verb("Dial").attrib["recordingStatusCallback"]
    phone.post(told, RecordingSid="RE12", RecordingDuration="31", RecordingStatus="completed")
    assert (again(call).recording_id, call.recording_seconds) == ("RE12", 31)
    phone.post(told, RecordingSid="../x", RecordingStatus="completed")
    assert again(call).recording_id == "RE12"


EVERY = [
    "answer", "key", "dialed", "leg", "screen", "notice", "amd", "voicemail", "recording", "inbound/ring",
    "inbound/key", "inbound/dialed", "inbound/message",
]  # fmt: skip


@pytest.mark.parametrize("step", EVERY)
def test_who_is_not_twilio_is_refused_and_nothing_happens(phone: Phone, contact: Contact, step: str) -> None:
    agrees(contact)
    call = placed(contact)
    path = f"/webhooks/twilio/calls/{step}/{call.attempt}"
    phone.token = "another"
    assert phone.post(path, Digits="9", RecordingSid="RE1").status == 403
    assert phone.client.post(path, {"Digits": "9"}).status_code == 403
    assert not OptOut.objects.exists() and again(call).recording_id == ""


@pytest.mark.parametrize("step", EVERY)
def test_a_call_of_another_account_is_not_touched(phone: Phone, step: str) -> None:
    other = factories.make_account()
    factories.make_number(other, "+13125550199")
    theirs = factories.make_contact(other, "+13125550102")
    agrees(theirs)
    call = placed(theirs)
    before = Call.objects.values().get(pk=call.pk)
    answer = phone.post(f"/webhooks/twilio/calls/{step}/{call.attempt}", Digits="9", RecordingSid="RE1")
    assert answer.status == 200 and not answer.said
    assert Call.objects.values().get(pk=call.pk) == before
    assert not OptOut.objects.exists()


@pytest.mark.parametrize("step", EVERY)
def test_whatever_fails_here_somebody_hears_an_apology(
    phone: Phone, contact: Contact, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(call_talk, "locked", broken)
    call = placed(contact)
    answer = phone.post(f"/webhooks/twilio/calls/{step}/{call.attempt}", From=phone.number.e164, Digits="9")
    assert answer.status == 200
    # Whom a Dial rang is not connected unasked or unwarned; news that nobody hears need no words.
    assert answer.names == ["Hangup"] if step in ("screen", "notice") else answer.said or answer.names == []


def test_a_nine_that_could_not_be_kept_is_asked_for_again(
    phone: Phone, contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    agrees(contact)
    call = placed(contact)
    heard = phone.answered(call)
    working = call_talk.locked
    monkeypatch.setattr(call_talk, "locked", lambda *_: (_ for _ in ()).throw(DatabaseError("gone")))
    answer = phone.presses(heard, "9")
    assert "press the key once more" in answer.said
    monkeypatch.setattr(call_talk, "locked", working)
    phone.presses(answer, "9")
    assert OptOut.objects.count() == 1
