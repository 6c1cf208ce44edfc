"""Customers call our numbers: who is rung, whose call it is, and what becomes of one that nobody takes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import Account
from analytics import dashboard
from analytics.scope import Scope
from audiences.models import Address, Contact, ContactAddress, OptOut
from common import clock
from conversations import inbox, opt_outs
from conversations.models import AgentPhone, Call, CallSettings, Message, Thread
from tests import factories
from tests.conversations.talking import CUSTOMER, OFFICE, Phone, Twiml, again, agrees, make_number, placed

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
INBOUND = "/webhooks/twilio/calls/inbound"


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
    return factories.make_contact(account, CUSTOMER, name="Ann Rivera")


@pytest.fixture
def phone(client: Client, account: Account) -> Phone:
    return Phone(client, make_number(account))


def calls(phone: Phone, from_: str = CUSTOMER, to: str = "") -> Twiml:
    return phone.post(
        INBOUND, From=from_, To=to or phone.number.e164, Direction="inbound", CallStatus="ringing"
    )


def ended(phone: Phone, seconds: int = 40) -> None:
    phone.post(f"{INBOUND}/status", CallStatus="completed", CallDuration=str(seconds))


def test_the_office_rings_and_sees_who_calls(phone: Phone, contact: Contact) -> None:
    heard = calls(phone)
    assert heard.rung == [OFFICE] and heard.names == ["Dial"]
    assert "callerId" not in heard.verb("Dial").attrib  # the caller's own number
    call = Call.objects.get()
    assert (call.direction, call.contact, call.provider_id, call.planned) == ("in", contact, phone.sid, None)
    assert calls(phone).text == heard.text
    assert Call.objects.count() == 1
    phone.leg(heard, "in-progress")
    phone.dialed(heard, "completed", 35)
    ended(phone)
    assert (again(call).state, call.connected_at, call.seconds) == ("completed", NOON, 35)
    assert not Thread.objects.exists()


def test_a_call_that_nobody_takes_waits_for_a_person(phone: Phone, contact: Contact) -> None:
    heard = calls(phone)
    missed = phone.dialed(heard, "no-answer")
    assert missed.said.startswith("Sorry, nobody can take your call now.") and "Record" in missed.names
    thread = Thread.objects.get()
    assert (thread.contact, thread.needs_reply, thread.state) == (contact, True, "open")
    record = missed.verb("Record")
    phone.post(record.attrib["recordingStatusCallback"], RecordingSid="RE7", RecordingDuration="12")
    thanks = phone.post(record.attrib["action"], RecordingSid="RE7")
    assert "We have your message" in thanks.said
    ended(phone)
    call = Call.objects.get()
    assert (call.state, call.recording_id, call.recording_seconds) == ("no_answer", "RE7", 12)
    (line,) = inbox.lines(list(inbox.detailed(Thread.objects.all())))
    assert (line.excerpt, line.inbound) == ("Missed call, voicemail", True)
    scope = Scope("today", NOON.date(), NOON.date(), NOON - timedelta(hours=12), NOON)
    (waits,) = dashboard.of_account(contact.account, scope).dashboard.threads
    assert (waits.words, waits.since) == ("Missed call, voicemail", NOON)


def test_whoever_hangs_up_while_it_rings_was_missed_too(phone: Phone, contact: Contact) -> None:
    calls(phone)
    ended(phone, 4)
    assert Thread.objects.get().needs_reply
    assert Call.objects.get().state == "no_answer"
    Thread.objects.update(needs_reply=False)  # somebody has seen to it
    ended(phone, 4)
    assert not Thread.objects.get().needs_reply


def test_without_anybody_to_ring_a_message_is_asked_for_at_once(phone: Phone, contact: Contact) -> None:
    CallSettings.objects.all().delete()
    heard = calls(phone)
    assert heard.names == ["Say", "Record", "Hangup"]
    assert Thread.objects.get().needs_reply


def test_agents_first_then_the_office_then_a_message(
    phone: Phone, contact: Contact, account: Account
) -> None:
    CallSettings.objects.update(transfer_to="both")
    user = factories.make_user(account, "agent")
    AgentPhone.objects.create(
        account=account, user=user, phone="+13125550161", available_since=NOON, seen_at=NOON
    )
    first = calls(phone)
    assert first.rung == ["+13125550161"]
    second = phone.dialed(first, "no-answer")
    assert second.rung == [OFFICE]
    assert "Record" in phone.dialed(second, "busy").names
    phone.takes(first)
    assert Call.objects.get().by == user


def test_a_recorded_call_says_so_to_everybody_first(phone: Phone, contact: Contact) -> None:
    CallSettings.objects.update(records=True, recording_notice="Calls are recorded.")
    heard = calls(phone)
    assert heard.names == ["Say", "Dial"] and heard.said == "Calls are recorded."
    assert heard.verb("Dial").attrib["record"] == "record-from-answer-dual"


def test_an_opted_out_customer_still_gets_through(phone: Phone, contact: Contact) -> None:
    opt_outs.by_agent(contact, by=factories.make_user(contact.account), evidence="", now=NOON)
    heard = calls(phone)
    assert heard.rung == [OFFICE]
    phone.dialed(heard, "no-answer")
    thread = Thread.objects.get()
    assert (thread.state, thread.closed_reason, thread.needs_reply) == ("closed", "opted_out", True)


def test_a_call_belongs_to_whom_we_touched_within_a_week(
    phone: Phone, contact: Contact, moment: list[datetime]
) -> None:
    """A phone that two people share: the one whom the campaign wrote to calls back."""
    other = factories.make_contact(contact.account, CUSTOMER, name="Ben Rivera")
    Message.objects.create(
        account=contact.account, lane=factories.make_campaign_lane(contact.account), contact=other,
        address=factories.phone_of(other), number=phone.number, kind="campaign", body="Hi", state="delivered",
        accepted_at=NOON, created_at=NOON,
    )  # fmt: skip
    moment.append(NOON + timedelta(days=6))
    calls(phone)
    assert Call.objects.get().contact == other
    moment.append(NOON + timedelta(days=8))
    calls(Phone(phone.client, phone.number))
    assert Call.objects.latest("pk").contact == contact
    ContactAddress.objects.filter(contact=other).update(wrong_number_at=NOON)
    moment.append(NOON + timedelta(days=6))
    calls(Phone(phone.client, phone.number))
    assert Call.objects.latest("pk").contact == contact


def test_unknown_and_withheld_callers_ring_as_well(phone: Phone) -> None:
    assert calls(phone, "+13125550188").rung == [OFFICE]
    stranger = Call.objects.get().contact
    assert stranger is not None and stranger.name == "+13125550188"
    for withheld in ("anonymous", "", "Restricted", "+266696687"):
        mine = Phone(phone.client, phone.number)
        heard = calls(mine, withheld)
        assert heard.rung == [OFFICE]
        mine.dialed(heard, "no-answer")
    assert Address.objects.filter(value="+266696687").count() == 1
    named = Contact.objects.get(name="Number withheld")
    assert not Thread.objects.filter(contact=named).exists()  # whom nobody could answer


def test_who_was_called_by_a_script_may_stop_it_by_calling_back(phone: Phone, contact: Contact) -> None:
    agrees(contact)
    placed(contact)
    heard = calls(phone)
    assert heard.names == ["Gather", "Redirect"] and "press 9" in heard.said
    stays = phone.post(heard.verb("Redirect").text or "")
    assert stays.rung == [OFFICE]
    gone = phone.presses(heard, "9")
    assert "no more calls or texts" in gone.said
    wish = OptOut.objects.get()
    assert (wish.source, wish.contact) == ("phone", contact)
    ended(phone)
    assert not Thread.objects.filter(needs_reply=True).exists()


def test_calls_to_numbers_of_others_are_hung_up_on(phone: Phone) -> None:
    foreign = factories.make_number(factories.make_account(), "+13125550199")
    assert calls(phone, to=foreign.e164).names == ["Hangup"]
    assert calls(phone, to="+13125550198").names == ["Hangup"]
    assert not Call.objects.exists()
    phone.token = "another"
    assert calls(phone).status == 403
    assert phone.post(f"{INBOUND}/status", CallStatus="completed").status == 403
