"""Twilio's side of a call: signed questions, and its TwiML parsed back into what the other end hears."""

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from xml.etree import ElementTree

from django.conf import settings
from django.test import Client
from twilio.request_validator import RequestValidator

from accounts.models import Account
from audiences import consent_records
from audiences.models import Consent, Contact
from common import clock
from conversations import call_scripts, sender
from conversations.models import Call, PlannedCall
from integrations.models import SendingNumber
from tests import factories

TOKEN = "a-token"
CUSTOMER = "+13125550101"
OFFICE = "+13125550177"
WORDS = call_scripts.Spoken(en="Hi {{ first_name }}, your plan ends soon.", es="Hola {{ first_name }}.")


@dataclass
class Twiml:
    """An answer: every verb in its order, with what it holds."""

    status: int
    text: str
    verbs: list[ElementTree.Element] = field(default_factory=list)

    @property
    def said(self) -> str:
        """All words, in their order."""
        return " ".join(each.text or "" for verb in self.verbs for each in verb.iter("Say"))

    @property
    def names(self) -> list[str]:
        """The verbs, in their order."""
        return [verb.tag for verb in self.verbs]

    def verb(self, name: str) -> ElementTree.Element:
        """The first of this name; fails where there is none."""
        return next(verb for verb in self.verbs if verb.tag == name)

    @property
    def rung(self) -> list[str]:
        """The phones of its Dial."""
        return [each.text or "" for verb in self.verbs for each in verb.iter("Number")]


@dataclass
class Phone:
    """One call as the provider leads it: it asks what TwiML says it asks."""

    client: Client
    number: SendingNumber
    sid: str = field(default_factory=lambda: f"CA{uuid4().hex}")
    token: str = TOKEN

    def post(self, path: str, **form: str) -> Twiml:
        """Ask one address of ours, signed."""
        path = path.removeprefix(settings.PUBLIC_URL)
        form = {"AccountSid": "ACshared", "CallSid": self.sid, **form}
        signature = RequestValidator(self.token).compute_signature(f"{settings.PUBLIC_URL}{path}", form)
        answer = self.client.post(path, form, headers={"X-Twilio-Signature": signature})
        text = answer.content.decode()
        if not answer["Content-Type"].startswith("text/xml"):
            return Twiml(answer.status_code, text)
        return Twiml(answer.status_code, text, list(ElementTree.fromstring(text)))

    def answered(self, call: Call, **form: str) -> Twiml:
        """The call is answered."""
        return self.post(f"/webhooks/twilio/calls/answer/{call.attempt}", **form)

    def presses(self, heard: Twiml, digit: str, **form: str) -> Twiml:
        """A key during what is heard."""
        return self.post(heard.verb("Gather").attrib["action"], Digits=digit, **form)

    def picked_up(self, call: Call) -> Twiml:
        """An agent's phone is answered, and the agent presses the key that rings the customer."""
        return self.presses(self.answered(call), "1")

    def takes(self, heard: Twiml, place: int = 0, digit: str = "1") -> Twiml:
        """An agent whose phone the Dial of what is heard rings answers it and presses a key."""
        number = list(heard.verb("Dial").iter("Number"))[place]
        return self.presses(self.post(number.attrib["url"]), digit)

    def dialed(self, heard: Twiml, status: str, seconds: int = 0) -> Twiml:
        """The Dial of what is heard is over."""
        return self.post(
            heard.verb("Dial").attrib["action"], DialCallStatus=status, DialCallDuration=str(seconds),
            DialCallSid=f"CA{uuid4().hex}",
        )  # fmt: skip

    def leg(self, heard: Twiml, state: str, place: int = 0) -> Twiml:
        """News of a phone that the Dial of what is heard rings."""
        number = list(heard.verb("Dial").iter("Number"))[place]
        return self.post(number.attrib["statusCallback"], CallStatus=state, CallDuration="12")


def make_number(account: Account, e164: str = "+13125550190") -> SendingNumber:
    """A number whose Twilio signs with TOKEN."""
    number = factories.make_number(account, e164)
    stored = number.connection
    stored.settings = {"account_sid": "ACshared", "base_url": "http://127.0.0.1:9"}
    stored.credentials = {"auth_token": TOKEN}
    stored.save()
    return number


def agrees(contact: Contact) -> None:
    """They agreed in writing to recorded voice."""
    consent_records.record(
        factories.phone_of(contact),
        consent_records.Agreement(
            Consent.Kind.RECORDED_CALLS, Consent.Source.FORM, "You may call me with a recording.", clock.now()
        ),
        contact=contact, now=clock.now(),
    )  # fmt: skip


def placed(contact: Contact, *, mode: str = "script", plan: dict[str, Any] | None = None) -> Call:
    """A call that the provider has taken, of a planned call with this plan."""
    script = call_scripts.Plan(mode=mode, words=WORDS, **(plan or {}))
    planned = factories.plan_call(
        contact, mode=mode, script=call_scripts.stored(contact.account, script), state="calling",
        variables={"first_name": "Ann"},
    )  # fmt: skip
    return Call.objects.create(
        account=contact.account, planned=planned, direction="out", contact=contact, address=planned.address,
        number=planned.number, state=Call.State.ACCEPTED,
        accepted_at=clock.now() if mode == "script" else None,  # a person's once the customer is rung
    )  # fmt: skip


def place_all(seconds: float = 60) -> list[Call]:
    """Have the sender place what scripts are to call now, and again what was too late on a busy machine; the
    calls, in their order."""
    until = time.monotonic() + seconds
    while PlannedCall.objects.filter(mode="script", state="queued").exists():
        assert time.monotonic() < until, "calls that are not placed"
        sender.run(10, concurrency=20, until_idle=True)
    return list(Call.objects.exclude(state=Call.State.REFUSED).order_by("pk"))


def path_of(address: str) -> str:
    """An address without our host."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def again(row: Any) -> Any:
    """The row as it is now."""
    row.refresh_from_db()
    return row
