"""A text from a customer: stored, read and acted upon in one transaction, inside its webhook.

An opt-out is only answered once nothing is in flight to that phone any more (`wait_for_calls`).
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from accounts.models import Account
from audiences import consent_records, suppression
from audiences.hours import zone_set_for
from audiences.models import Address, Contact, ContactAddress, Household, OptOut
from common import clock, sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import (
    after_hours,
    cancellations,
    keyword_answers,
    opt_ins,
    opt_outs,
    reading,
    receiving_media,
)
from conversations.models import Call, ContactHold, Message, Reading, Thread
from conversations.signals import message_received, reply_came
from integrations import inbox
from integrations.messaging import InboundText
from integrations.models import ProviderEvent, SendingNumber

REPLY_WINDOW = timedelta(days=7)
HOLD = timedelta(hours=72)
WAIT_SECONDS = 5.0
RESTORED = "restored"
_POLL_SECONDS = 0.15
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")  # as the table of addresses takes it


@dataclass(frozen=True, slots=True)
class Received:
    """What a text led to. `in_flight` are calls to that phone which a STOP must still wait for."""

    message_id: int
    outcome: str
    in_flight: tuple[opt_outs.InFlight, ...] = ()


@atomic_with_retry
def receive(text: InboundText, *, account: Account | None, now: datetime) -> Received | None:
    """Take in one text; None where it is a repetition, for a number nobody has, or from no phone.

    `account` is what the signature proved; the number decides and must agree.
    """
    text = replace(text, body=text.body.replace("\0", ""))  # which Postgres has no character for
    number = SendingNumber.objects.receiving(text.to)
    if account is not None and number is not None and number.account_id != account.pk:
        number = None
    event_id = inbox.record(_event(text, number, now))
    if event_id is None:
        return None
    # Short codes and senders by name write to everybody; none of them is a customer's phone.
    phone = _E164.fullmatch(text.from_)
    outcome = "no such number" if number is None else "applied" if phone else "sender is not a phone number"
    inbox.mark_applied([event_id], outcome=outcome)
    if number is None or phone is None:
        return None
    return take_in(text, number, now=now)


def take_in(text: InboundText, number: SendingNumber, *, now: datetime) -> Received:
    """Store, read and act upon a phone's text to one of our numbers, in the caller's transaction."""
    address, _ = Address.objects.get_or_create(
        account_id=number.account_id, channel=Address.Channel.PHONE, value=text.from_
    )
    verdict = reading.read(text.body, opt_out_type=text.opt_out_type)
    # All that an opt-out may close is locked at once: addresses come before messages, in id order.
    concerned = _addresses_of_writer(address, number, now) if verdict.everywhere else [address]
    suppression.lock_addresses(each.pk for each in concerned)
    answered, contact = _writer(address, number, now)
    message = Message.objects.create(
        account_id=number.account_id, contact=contact, address=address, number=number,
        kind=Message.Kind.INBOUND, body=text.body, state=Message.State.RECEIVED, state_at=now, created_at=now,
        provider_id=text.provider_id, replies_to=answered,
    )  # fmt: skip
    receiving_media.announce(message, text)
    read = Reading.objects.create(
        message=message, label=verdict.label, outcome=verdict.outcome, detector=reading.DETECTOR,
        rule=verdict.rule, score=verdict.score,
    )  # fmt: skip
    # Threads come last: a workflow that hands somebody over has the enrollment, and then wants the thread.
    if verdict.outcome == Reading.Outcome.OPT_OUT:
        received = _opted_out(message, concerned, text, now)
        _thread(contact, address, number, now, state=Thread.State.CLOSED, closed_reason=opt_outs.REASON)
        if cancellations.asked(text.body):
            cancellations.flag(address, contact, now)
        return received
    if opt_ins.asked(text, address, number, now) and (wish := opt_ins.restore(address, text, now)):
        if reading.wants_back(text.body):  # a YES may have meant less
            consent_records.agreed_by_text(address, contact, text.body, now=now)
        keyword_answers.welcome_back(message, wish, opt_out_type=text.opt_out_type, now=now)
        _thread(contact, address, number, now)
        return Received(message.pk, RESTORED)
    routed = hold_and_route(message, contact, read, answered, now)
    thread = _thread(contact, address, number, now)
    keyword_answers.help_them(message, thread, opt_out_type=text.opt_out_type, now=now)
    if not routed and not verdict.courtesy:  # which asks nobody for anything
        Thread.objects.filter(pk=thread.pk).update(needs_reply=True)
        after_hours.answer(message, thread, read, now=now)
    return Received(message.pk, verdict.outcome)


def _event(text: InboundText, number: SendingNumber | None, now: datetime) -> inbox.IncomingEvent:
    return inbox.IncomingEvent(
        provider="twilio",
        event_id=text.provider_id,
        kind=ProviderEvent.Kind.MESSAGE_INBOUND,
        payload=text.raw,
        account_id=number.account_id if number else None,
        received_at=now,
    )


def _opted_out(message: Message, addresses: Sequence[Address], text: InboundText, now: datetime) -> Received:
    if message.replies_to_id is not None:
        # Before enrollments are ended: messages are locked first.
        Message.objects.filter(pk=message.replies_to_id, opted_out_at=None).update(opted_out_at=now)
    in_flight = opt_outs.record(
        addresses,
        contact=message.contact,
        source=OptOut.Source.TEXT,
        evidence=text.body,
        detector=f"{reading.DETECTOR}/{message.reading.rule}",
        score=message.reading.score,
        provider_id=text.provider_id,
        now=now,
    )
    made = OptOut.objects.filter(address=message.address, lifted_at=None, provider_id=text.provider_id)
    if wish := made.first():  # none where one was in force already: it was confirmed then
        keyword_answers.confirm_opt_out(message, wish, now=now)
    return Received(message.pk, Reading.Outcome.OPT_OUT, tuple(in_flight))


def hold_and_route(
    message: Message, contact: Contact, read: Reading, answered: Message | None, now: datetime
) -> bool:
    """Hold the contact's other campaigns, and let the answered one go on; whether it knows how."""
    if answered is not None:
        Message.objects.filter(pk=answered.pk, replied_at=None).update(replied_at=now)
        reply_came.send(Message, message=message, now=now)
    may_route = read.outcome == Reading.Outcome.ROUTE and not reading.needs_person(read.label)
    routed = may_route and any(
        handled for _, handled in message_received.send(Message, message=message, reading=read, now=now)
    )
    ContactHold.objects.create(
        contact=contact,
        except_lane=answered.lane if routed and answered else None,
        message=message,
        reason=f"reply: {read.label}",
        at=now,
        until=now + HOLD,
    )
    return routed


def _addresses_of_writer(address: Address, number: SendingNumber, now: datetime) -> list[Address]:
    """Every address of whoever writes from this one, itself included."""
    _, contact = _writer(address, number, now)
    links = ContactAddress.objects.filter(contact=contact).select_related("address")
    return list({each.pk: each for each in [address, *(link.address for link in links)]}.values())


def _writer(address: Address, number: SendingNumber, now: datetime) -> tuple[Message | None, Contact]:
    """The message a text from this phone answers, and whose text it is."""
    answered = _answered(address, number, now)
    contact = answered.contact if answered else None
    wrong = ContactAddress.objects.filter(contact=contact, address=address, wrong_number_at__isnull=False)
    return answered, whose(address) if contact is None or wrong.exists() else contact


def _answered(address: Address, number: SendingNumber, now: datetime) -> Message | None:
    """The latest campaign message from this number that the provider took, or may just have taken."""
    found = sql.value(
        """
        SELECT id FROM conversations_message
        WHERE address_id = %s AND number_id = %s AND kind = 'campaign' AND created_at > %s
          AND (accepted_at > %s OR state IN ('calling', 'unknown'))
        ORDER BY COALESCE(accepted_at, state_at) DESC, id DESC LIMIT 1
        """,
        [address.pk, number.pk, now - REPLY_WINDOW * 2, now - REPLY_WINDOW],
    )
    return Message.objects.select_related("contact", "lane").get(pk=found) if found else None


def whose(address: Address) -> Contact:
    """Whose phone it is: the first of those who share it, or somebody whom ServiceTitan does not know."""
    link = (
        ContactAddress.objects.filter(address=address, wrong_number_at=None)
        .select_related("contact")
        .order_by("-contact__active", "position", "contact_id")
        .first()
    )
    if link:
        return link.contact
    household, _ = Household.objects.get_or_create(
        account_id=address.account_id, key=f"unknown:{address.value}"
    )
    stranger, made = Contact.objects.get_or_create(
        account_id=address.account_id,
        servicetitan_customer_id=0,
        person=address.value,
        defaults={
            "name": address.value,
            "active": False,
            "household": household,
            "zone_set": zone_set_for(phones=[address.value] if address.channel == "phone" else []),
        },
    )
    if made:
        ContactAddress.objects.create(contact=stranger, address=address)
    return stranger


def _thread(
    contact: Contact, address: Address, number: SendingNumber, now: datetime, **made_as: str
) -> Thread:
    """The thread that this text stands in: opened anew where it was resolved, made where there is none."""
    thread, made = Thread.objects.get_or_create(
        contact=contact,
        address=address,
        defaults={
            "account_id": address.account_id,
            "number": number,
            "created_at": now,
            "last_message_at": now,
            "last_inbound_at": now,
            **made_as,
        },
    )
    if not made:
        if thread.number_id != number.pk:
            # They are answered from the number that they wrote to: it is the one that they know.
            Thread.objects.filter(pk=thread.pk).update(number=number)
            thread.number = number
        touch(thread, now)
    return thread


def touch(thread: Thread, now: datetime) -> None:
    """Note that its customer has written, and open it again where it was resolved."""
    Thread.objects.filter(pk=thread.pk).update(last_message_at=now, last_inbound_at=now)
    if thread.state == Thread.State.CLOSED and thread.closed_reason != opt_outs.REASON:
        Thread.objects.filter(pk=thread.pk).update(state=Thread.State.OPEN, closed_reason="")


def wait_for_calls(in_flight: tuple[opt_outs.InFlight, ...], seconds: float = WAIT_SECONDS) -> bool:
    """Wait until none of these messages and phone calls is `calling`, at most `seconds` by a monotonic clock.

    Call it outside any transaction. The connection goes back to the pool between looks, so that fifty
    waiting handlers hold none. True where all were recorded; after 3 s their claims are void anyway.
    """
    from conversations.tasks import end_calls  # tasks import the sender, and with it most of this package

    deadline = time.monotonic() + seconds
    left = list(in_flight)
    while left:
        left = _calling(left)
        if not connection.in_atomic_block:
            connection.close()
        if not left or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)
    if any(isinstance(each, UUID) for each in in_flight):
        ring(end_calls)  # what was placed all the same rings now, and is known by its id only now
    return not left


def _calling(in_flight: list[opt_outs.InFlight]) -> list[opt_outs.InFlight]:
    """Those of these that are not recorded yet."""
    messages = [each for each in in_flight if isinstance(each, int)]
    calls = [each for each in in_flight if isinstance(each, UUID)]
    left: list[opt_outs.InFlight] = sql.column(
        "SELECT id FROM conversations_message WHERE id = ANY(%s) AND state = 'calling'", [messages]
    )
    if calls:
        going = Call.objects.filter(attempt__in=calls, state=Call.State.CALLING)
        left += list(going.values_list("attempt", flat=True))
    return left


def receive_now(text: InboundText, *, account: Account | None) -> Received | None:
    """Take in a text and, where it is an opt-out, return only when nothing is on its way any more."""
    received = receive(text, account=account, now=clock.now())
    if received and received.in_flight:
        wait_for_calls(received.in_flight)
    return received
