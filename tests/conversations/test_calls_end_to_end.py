"""Calls through a real sandbox and a real web server: people press keys, machines beep, transfers ring."""

import time
from collections.abc import Callable

import pytest
from twilio.rest import Client as Twilio

from audiences.models import Contact, OptOut
from common import clock
from conversations import call_urls
from conversations.models import Call, CallSettings, PlannedCall, Thread
from tests import factories
from tests.conversations.conftest import Company
from tests.conversations.talking import agrees, placed

pytestmark = pytest.mark.django_db(transaction=True)
PERSON, OFFICE = "+12175550140", "+12175550141"
VOICEMAIL = {"voicemail": {"en": "{{ first_name }}, please call us about your plan."}}


@pytest.fixture
def contact(company: Company) -> Contact:
    CallSettings.objects.create(account=company.account, office_line=OFFICE)
    made = factories.make_contact(company.account, PERSON, first_name="Ann", name="Ann Rivera")
    agrees(made)
    return made


def steer(company: Company, phone: str, **conduct: object) -> None:
    answer = company.sandbox.http.post(f"{company.sandbox.base_url}/phones/{phone}", json=conduct)
    assert answer.status_code == 200, answer.text


def ring(company: Company, call: Call) -> None:
    """Have the provider place a call as a script's is placed."""
    stored = company.number.connection
    client = Twilio(stored.settings["account_sid"], stored.credentials["auth_token"])
    client.api.base_url = company.sandbox.base_url
    made = client.calls.create(
        to=call.address.value, from_=company.number.e164, url=call_urls.of("answer", call.attempt),
        machine_detection="DetectMessageEnd", async_amd="true",
        async_amd_status_callback=call_urls.of("amd", call.attempt), async_amd_status_callback_method="POST",
    )  # fmt: skip
    Call.objects.filter(pk=call.pk, provider_id=None).update(provider_id=made.sid)
    await_(lambda: story(company, made.sid)["ended"] is not None, "end of the call")


def story(company: Company, sid: str) -> dict:
    return company.sandbox.http.get(f"{company.sandbox.base_url}/calls/{sid}.json").json()


def await_(done: Callable[[], bool], what: str, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"waited for the {what}"
        time.sleep(0.05)


def again(call: Call) -> Call:
    return Call.objects.select_related("planned").get(pk=call.pk)


def test_nine_stops_and_a_two_asks_back(company: Company, contact: Contact) -> None:
    steer(company, PERSON, answers="human", keys=["2"])
    first = placed(contact)
    ring(company, first)
    assert (again(first).outcome, again(first).answered_by) == ("call_back", "human")
    assert PlannedCall.objects.filter(kind="call_back").count() == 1
    steer(company, PERSON, answers="human", keys=["9"])
    second = placed(contact)
    ring(company, second)
    wish = OptOut.objects.get()
    assert (wish.source, wish.address.value) == ("phone", PERSON)
    assert again(second).opted_out_at is not None
    heard = company.sandbox.http.get(f"{company.sandbox.base_url}/ledger.json?kind=call_error").json()
    assert heard["entries"] == []  # every document was TwiML


def test_a_transfer_is_taken_or_abandoned(company: Company, contact: Contact) -> None:
    steer(company, PERSON, answers="human", keys=["1"])
    steer(company, OFFICE, answers="human", talks=30)
    taken = placed(contact)
    ring(company, taken)
    await_(lambda: again(taken).connected_at is not None, "transfer")
    assert again(taken).abandoned_at is None
    steer(company, OFFICE, answers="no_answer")
    lost = placed(contact)
    ring(company, lost)
    await_(lambda: again(lost).abandoned_at is not None, "note of the abandoned call")
    assert (again(lost).connected_at, again(lost).outcome) == (None, "answered")


def test_a_machine_hears_the_voicemail_after_its_tone(company: Company, contact: Contact) -> None:
    steer(company, PERSON, answers="machine", machine_ends="beep")
    call = placed(contact, plan=VOICEMAIL)
    ring(company, call)
    await_(lambda: again(call).outcome == "voicemail", "voicemail")
    assert again(call).answered_by == "machine_end_beep"
    told = str(story(company, again(call).provider_id or ""))
    assert "please call us about your plan" in told


def test_customers_calls_are_answered_or_missed(company: Company, contact: Contact) -> None:
    steer(company, OFFICE, answers="human", talks=20)
    call_us(company)
    call = Call.objects.get(direction="in")
    await_(lambda: again(call).state == "completed", "end of the customer's call")
    assert again(call).contact == contact and again(call).connected_at is not None
    assert not Thread.objects.exists()
    steer(company, OFFICE, answers="no_answer")
    call_us(company)
    missed = Call.objects.filter(direction="in").latest("pk")
    await_(lambda: Thread.objects.filter(needs_reply=True).exists(), "thread that waits")
    await_(lambda: again(missed).recording_id != "", "voicemail of the customer")
    assert again(missed).state == "no_answer"
    assert clock.now() >= again(missed).created_at


def call_us(company: Company) -> None:
    """The customer calls our number, to the end."""
    answer = company.sandbox.http.post(
        f"{company.sandbox.base_url}/phones/{PERSON}/call",
        json={"to": company.number.e164, "speaks": 5, "hangs_up_after": 90},
    )
    assert answer.status_code in (200, 201), answer.text
    await_(lambda: story(company, answer.json()["sid"])["ended"] is not None, "end of the call")
