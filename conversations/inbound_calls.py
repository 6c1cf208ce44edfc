"""A customer calls one of our numbers: the office or available agents are rung, and a call that nobody
takes is a message in the thread that waits for a person.

Opted out or not, whoever calls is rung through: the wish is about our calls, not about theirs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, QuerySet

from audiences import suppression
from audiences.models import Address, Contact, ContactAddress
from common import sql
from common.phone import e164_of
from common.transactions import atomic_with_retry
from conversations import call_routing, call_talk, call_urls, inbound, opt_outs
from conversations.call_talk import Heard, Pressed
from conversations.call_words import line
from conversations.models import Call, Thread
from integrations.models import SendingNumber
from integrations.twilio import twiml
from integrations.twilio.twiml import Piece, Said

CREDIT_WINDOW = inbound.REPLY_WINDOW
"""So long after our touch a call to the number that made it belongs to whom we touched."""
MENU_WINDOW = timedelta(days=30)
"""So long after a scripted call its phone is offered 9 when it calls back: 47 CFR 64.1200(b)(3)."""
WITHHELD = "+266696687"
"""What the provider writes for a number that is withheld: “ANONYMOUS” on the keys of a phone."""
WITHHELD_NAME = "Number withheld"
MISSED = "Missed a call"
LEFT_MESSAGE = "Left a voicemail"


@dataclass(frozen=True, slots=True)
class Calling:
    """A customer's call as the provider announces it."""

    call_id: str
    from_: str
    to: str


@atomic_with_retry
def begin(calling: Calling, accounts: list[int], *, now: datetime) -> str:
    """Somebody calls one of our numbers: keep the call, and ring whoever takes calls."""
    number = SendingNumber.objects.receiving(calling.to)
    if number is None or number.account_id not in accounts or not calling.call_id:
        return twiml.hang_up()
    address, _ = Address.objects.get_or_create(
        account_id=number.account_id, channel=Address.Channel.PHONE, value=_phone(calling.from_)
    )
    suppression.lock_addresses([address.pk])
    call, _ = Call.objects.get_or_create(
        provider="twilio", provider_id=calling.call_id,
        defaults={
            "account_id": number.account_id, "direction": Call.Direction.IN, "address": address,
            "contact": _caller(address, number, now), "number": number, "state": Call.State.RINGING,
            "state_at": now, "created_at": now,
        },
    )  # fmt: skip
    call = Call.objects.select_for_update(no_key=True, of=("self",)).select_related("contact").get(pk=call.pk)
    if call.account_id != number.account_id or call.direction != Call.Direction.IN:
        return twiml.hang_up()
    if not call.digits and offered_nine(address.pk, now).exists():
        speaks = call.contact.language if call.contact else "en"
        return twiml.ask_then(
            [line("inbound", speaks, company=number.account.name)],
            action=call_urls.of("inbound-key", call.attempt), then=call_urls.of("inbound-ring", call.attempt),
        )  # fmt: skip
    return _ring(call, now)


@atomic_with_retry
def ring(attempt: UUID, accounts: list[int], *, now: datetime) -> str:
    """The caller stayed on the line."""
    call = call_talk.locked(attempt, accounts)
    return _ring(call, now) if call else twiml.hang_up()


@atomic_with_retry
def key(attempt: UUID, accounts: list[int], heard: Heard, *, now: datetime) -> Pressed:
    """The caller pressed a key: 9 ends our calls and texts, any other goes on."""
    call = call_talk.locked(attempt, accounts)
    if call is None:
        return Pressed(twiml.hang_up())
    call_talk.note(call, digits=heard.digits[:1])
    if heard.digits == call_talk.STOP:
        return call_talk.stop(call, heard, now=now)
    return Pressed(_ring(call, now))


@atomic_with_retry
def dialed(attempt: UUID, accounts: list[int], heard: Heard, *, now: datetime, stage: str = "") -> str:
    """Those who were rung have talked to the caller, or nobody took the call."""
    call = call_talk.locked(attempt, accounts)
    if call is None:
        return twiml.hang_up()
    if call_talk.took(call, heard, stage):
        began = now - timedelta(seconds=heard.dialed_seconds)
        call_talk.note(
            call, answered_at=call.answered_at or began, connected_at=call.connected_at or began,
            seconds=heard.dialed_seconds, ended_at=now, state=Call.State.COMPLETED, state_at=now,
        )  # fmt: skip
        return twiml.hang_up()
    return _ring(call, now, after=stage or call_routing.OFFICE)


@atomic_with_retry
def message_left(attempt: UUID, accounts: list[int], *, now: datetime) -> str:
    """The caller has said what they wanted after the tone."""
    call = call_talk.locked(attempt, accounts)
    if call is None:
        return twiml.hang_up()
    _wants_a_person(call, now, LEFT_MESSAGE)
    return twiml.tell([line("message_kept", call.contact.language if call.contact else "en")])


@atomic_with_retry
def ended(call_id: str, accounts: list[int], *, status: str, seconds: int, now: datetime) -> None:
    """The provider says that a customer's call is over. Who hung up before anybody answered was missed,
    too. Said again it changes nothing: somebody may have seen to it by now."""
    known = Call.objects.filter(
        provider="twilio", provider_id=call_id, account__in=accounts, direction=Call.Direction.IN
    )
    attempt = known.values_list("attempt", flat=True).first()
    call = call_talk.locked(attempt, accounts) if attempt else None
    if call is None or call.ended_at is not None:
        return
    if call.connected_at is None and not call.opted_out_at:
        call_talk.note(call, state=Call.State.NO_ANSWER, ended_at=now)
        if not call.recording_id:
            _wants_a_person(call, now, MISSED)
        return
    call_talk.note(
        call, state=Call.State.COMPLETED, ended_at=now,
        seconds=call.seconds if call.seconds is not None else seconds,
    )  # fmt: skip


def _ring(call: Call, now: datetime, after: str = "") -> str:
    chosen = call_routing.settings_of(call.account_id)
    found = call_routing.next_round(call, after, now=now)
    if found is None:
        return _take_message(call, now)
    notice: list[Piece] = [Said(chosen.recording_notice)] if chosen.records and not after else []
    return twiml.connect(
        found.phones,
        action=call_urls.of("inbound-dialed", call.attempt, stage=found.stage), seconds=chosen.ring_seconds,
        before=notice, recording=call_talk.recording(call) if chosen.records else None,
    )  # fmt: skip


def _take_message(call: Call, now: datetime) -> str:
    """Nobody takes it: a person will see that somebody called, whether or not they leave a message."""
    call_talk.note(call, state=Call.State.NO_ANSWER, state_at=now)
    _wants_a_person(call, now, MISSED)
    chosen = call_routing.settings_of(call.account_id)
    return twiml.take_message(
        [Said(chosen.missed_words or line("nobody", "en").words)],
        action=call_urls.of("inbound-message", call.attempt), news=call_urls.of("recording", call.attempt),
    )  # fmt: skip


def _wants_a_person(call: Call, now: datetime, reason: str) -> None:
    """The caller's thread waits for a reply; made where there is none. One that an opt-out closed stays
    closed, and waits all the same: they have called us."""
    if call.contact is None or call.address.value == WITHHELD:
        return
    thread, made = Thread.objects.get_or_create(
        contact=call.contact, address=call.address,
        defaults={
            "account_id": call.account_id, "number": call.number, "created_at": now, "last_message_at": now,
            "last_inbound_at": now, **_closed(call),
        },
    )  # fmt: skip
    if not made:
        inbound.touch(thread, now)
    Thread.objects.filter(pk=thread.pk).update(needs_reply=True)


def _closed(call: Call) -> dict[str, str]:
    if not suppression.in_force([call.address_id]):
        return {}
    return {"state": Thread.State.CLOSED, "closed_reason": opt_outs.REASON}


def _phone(from_: str) -> str:
    """Who calls, as an address: one for all who withhold their number, or have none."""
    return e164_of(from_) if from_.startswith("+") and e164_of(from_) else WITHHELD


def _caller(address: Address, number: SendingNumber, now: datetime) -> Contact:
    """Whom we touched from this number within a week, as replies go; else whose phone it is."""
    if address.value == WITHHELD:
        contact = inbound.whose(address)
        if contact.name != WITHHELD_NAME:
            Contact.objects.filter(pk=contact.pk).update(name=WITHHELD_NAME)
        return contact
    touched = sql.value(
        """
        SELECT contact_id FROM (
            SELECT contact_id, coalesce(accepted_at, state_at) AS at FROM conversations_message
            WHERE address_id = %(address)s AND number_id = %(number)s AND kind = 'campaign'
              AND created_at > %(longer)s AND (accepted_at > %(since)s OR state IN ('calling', 'unknown'))
            UNION ALL
            SELECT contact_id, coalesce(accepted_at, state_at) FROM conversations_call
            WHERE address_id = %(address)s AND number_id = %(number)s AND direction = 'out'
              AND created_at > %(longer)s AND (accepted_at > %(since)s OR state IN ('calling', 'unknown'))) t
        WHERE contact_id IS NOT NULL ORDER BY at DESC LIMIT 1
        """,
        {
            "address": address.pk, "number": number.pk, "since": now - CREDIT_WINDOW,
            "longer": now - 2 * CREDIT_WINDOW,
        },
    )  # fmt: skip
    link = ContactAddress.objects.filter(
        contact=touched, address=address, wrong_number_at=None
    ).select_related("contact")
    found = link.first() if touched else None
    return found.contact if found else inbound.whose(address)


def offered_nine(address: int | OuterRef, at: datetime | OuterRef) -> QuerySet[Call]:
    """The scripted calls for whose sake a call from this address (an id) at this instant is offered the 9."""
    return Call.objects.filter(
        address=address,
        direction=Call.Direction.OUT,
        planned__mode="script",
        created_at__gt=at - MENU_WINDOW,
        created_at__lte=at,
    )
