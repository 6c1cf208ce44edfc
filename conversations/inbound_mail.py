"""An email from a customer: stored, read and acted upon in one transaction, inside its webhook, as a text
is.

It belongs to what it names as its original: our Message-ID is the attempt's id. One that names nothing is of
whoever has its mailbox. Anybody can write anybody's name into an email, so one that its sender's domain
denies moves nothing forward and goes to a person, and so does one that nobody vouches for and that does not
name an email of ours, which only who got that can. To be left alone, nobody has to prove who they are.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Q

from audiences import suppression
from audiences.models import Address, Contact, ContactAddress, OptOut
from common import clock, sql
from common.transactions import atomic_with_retry
from conversations import inbound, mail_wishes, mail_words, opt_ins, opt_outs, reading
from conversations.inbound import REPLY_WINDOW, RESTORED, Received
from conversations.models import Message, Reading, ReceivedEmail, Thread
from integrations import inbox
from integrations.messaging import InboundEmail
from integrations.models import ProviderEvent, SendingMailbox
from integrations.sendgrid import events as sendgrid
from integrations.sendgrid.inbound import AWAY

log = logging.getLogger(__name__)
UNPROVEN = "unproven sender"
_MAILBOX = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_LONGEST_MAILBOX = 254
_KEPT_TEXT = 20_000  # characters in the raw event; the whole is with the message


class _Place(NamedTuple):
    """Where an email belongs: our mailbox, and the email that it answers, if it names one of ours."""

    mailbox: SendingMailbox
    original: Message | None


def receive_now(mail: InboundEmail, *, accounts: Sequence[int]) -> Received | None:
    """Take in an email and, where it is an opt-out, return only when nothing is on its way any more."""
    received = receive(mail, accounts=accounts, now=clock.now())
    if received and received.in_flight:
        inbound.wait_for_calls(received.in_flight)
    return received


@atomic_with_retry
def receive(mail: InboundEmail, *, accounts: Sequence[int], now: datetime) -> Received | None:
    """Take in one email; None where it is a repetition, or nothing that a person has to read.

    `accounts` are those that it may be for, as its address or its signature proved.
    """
    place = _place(mail, accounts)
    account_id = place.mailbox.account_id if place else accounts[0]
    digest = hashlib.sha256(f"{account_id}\0{mail.from_}\0{mail.message_id}".encode()).hexdigest()[:40]
    event_id = inbox.record(_event(mail, account_id, digest, now))
    if event_id is None or Message.objects.filter(provider="sendgrid", provider_id=f"in:{digest}").exists():
        return None
    address, why_not = (None, "no mailbox of ours") if place is None else _address(mail, place)
    if place is None or address is None:
        inbox.mark_applied([event_id], outcome=why_not)
        return None
    inbox.mark_applied([event_id])
    return _taken(mail, place, address, f"in:{digest}", now)


def take_in(mail: InboundEmail, original: Message, *, now: datetime) -> Received:
    """As `receive`, of the answer to an email of ours by whoever got it, and whose sender is proven; in the
    caller's transaction."""
    if original.mailbox is None:
        raise ValueError("it answers no email")
    place = _Place(original.mailbox, original)
    return _taken(mail, place, original.address, f"in:{mail.message_id}", now)


def _event(mail: InboundEmail, account_id: int, digest: str, now: datetime) -> inbox.IncomingEvent:
    return inbox.IncomingEvent(
        provider="sendgrid", event_id=f"mail:{digest}", kind=ProviderEvent.Kind.MAIL_INBOUND,
        payload={**mail.raw, "message_id": mail.message_id, "text": mail.text[:_KEPT_TEXT]},
        account_id=account_id, received_at=now,
    )  # fmt: skip


def _place(mail: InboundEmail, accounts: Sequence[int]) -> _Place | None:
    """Where it belongs: by what it answers, by the mailbox it was sent to, by the only account it can be
    for."""
    attempts = [name for each in mail.answers if (name := sendgrid.attempt_in(each))]
    ids = dict(
        sql.rows(
            "SELECT a.id::text, m.id FROM conversations_attempt a JOIN conversations_message m"
            " ON m.id = a.message_id WHERE a.id = ANY(%s::uuid[]) AND m.mailbox_id IS NOT NULL"
            " AND m.account_id = ANY(%s)",
            [sql.array(attempts), list(accounts)],
        )
        if attempts
        else []
    )
    nearest = next((ids[attempt] for attempt in attempts if attempt in ids), None)
    original: Message | None = None
    if nearest is not None:
        original = Message.objects.select_related("contact", "lane", "address", "mailbox").get(pk=nearest)
    if original is not None and original.mailbox is not None:
        return _Place(original.mailbox, original)
    mailboxes = SendingMailbox.objects.filter(account__in=accounts).order_by("pk")
    found = mailboxes.filter(_named(mail)).first()
    if found is None and len(set(accounts)) == 1:
        found = mailboxes.order_by(F("business_unit").asc(nulls_first=True), "pk").first()
    return _Place(found, None) if found else None


def _named(mail: InboundEmail) -> Q:
    return Q(email__in=mail.to) | Q(reply_to__in=mail.to)


def _address(mail: InboundEmail, place: _Place) -> tuple[Address | None, str]:
    """The mailbox that wrote, or why nobody needs to read it."""
    if not _MAILBOX.fullmatch(mail.from_) or len(mail.from_) > _LONGEST_MAILBOX:
        return None, "sender is no mailbox"
    account_id = place.mailbox.account_id
    ours = Q(email=mail.from_) | Q(reply_to=mail.from_)
    if SendingMailbox.objects.filter(ours, account=account_id).exists():
        return None, "written by ourselves"
    if mail.machine and mail.machine != AWAY:
        return None, mail.machine
    known = Address.objects.filter(
        account=account_id, channel=Address.Channel.EMAIL, value=mail.from_
    ).first()
    if known is not None:
        return known, ""
    if mail.machine:
        return None, mail.machine
    if mail.refuted and place.original is None:
        return None, "an unknown sender whose domain denies it"
    made, _ = Address.objects.get_or_create(
        account_id=account_id, channel=Address.Channel.EMAIL, value=mail.from_
    )
    return made, ""


def _taken(mail: InboundEmail, place: _Place, address: Address, name: str, now: datetime) -> Received:
    words = mail_words.own(mail.text)
    doubted = _doubted(mail, place)
    verdict = _read(mail, words, doubted=doubted)
    contact = _writer(place, address)
    concerned = _concerned(place, address, contact, everywhere=verdict.everywhere)
    suppression.lock_addresses(each.pk for each in concerned)
    answered = None if mail.machine or doubted else _answered(place, address, now)
    message = Message.objects.create(
        account_id=address.account_id, contact=contact, address=address, mailbox=place.mailbox,
        kind=Message.Kind.INBOUND, subject=mail.subject, body=words or mail.text.strip(), provider="sendgrid",
        provider_id=name, state=Message.State.RECEIVED, state_at=now, created_at=now, replies_to=answered,
    )  # fmt: skip
    ReceivedEmail.objects.create(
        message=message, internet_id=mail.message_id[:998], whole=mail.text, unproven=doubted,
        attachments=[asdict(each) for each in mail.attachments],
    )  # fmt: skip
    read = Reading.objects.create(
        message=message, label=verdict.label, outcome=verdict.outcome, detector=reading.DETECTOR,
        rule=verdict.rule, score=verdict.score,
    )  # fmt: skip
    if mail.machine:
        return Received(message.pk, verdict.outcome)  # nobody wrote: nothing is held, credited or opened
    if verdict.outcome == Reading.Outcome.OPT_OUT:
        received = _opted_out(message, concerned, now)
        _thread(message, now, state=Thread.State.CLOSED, closed_reason=opt_outs.REASON)
        return received
    if _wants_back(mail, words, address, now):
        _thread(message, now)
        return Received(message.pk, RESTORED)
    routed = inbound.hold_and_route(message, contact, read, answered, now)
    thread = _thread(message, now)
    if not routed and not verdict.courtesy:
        Thread.objects.filter(pk=thread.pk).update(needs_reply=True)
    return Received(message.pk, verdict.outcome)


def _doubted(mail: InboundEmail, place: _Place) -> bool:
    """Whether somebody else may have written it. Where a mail leaves from is the writer's choice, so what
    nobody denies is not yet proven; only whoever got an email of ours can name it."""
    return mail.refuted or not (mail.authentic or mail.machine or place.original is not None)


def _read(mail: InboundEmail, words: str, *, doubted: bool) -> reading.Verdict:
    """What it asks of us: its own words, or its subject where that is all there is."""
    if mail.machine:
        return reading.Verdict(reading.OTHER, Reading.Outcome.ROUTE, "automatic", 1.0, courtesy=True)
    verdict = reading.read(words)
    if verdict.outcome != Reading.Outcome.OPT_OUT and not mail_words.answers(mail.subject):
        of_subject = reading.read(mail.subject)
        if not words or (of_subject.outcome == Reading.Outcome.OPT_OUT and of_subject.keyword):
            verdict = of_subject
    if doubted and verdict.outcome != Reading.Outcome.OPT_OUT:
        return reading.Verdict(verdict.label, Reading.Outcome.HOLD, UNPROVEN, verdict.score)
    return verdict


def _writer(place: _Place, address: Address) -> Contact:
    """Whose email it is: of whoever got what it answers, else of whoever has the mailbox."""
    original = place.original
    if original is not None and original.contact is not None:
        return original.contact
    return inbound.whose(address)


def _concerned(place: _Place, address: Address, contact: Contact, *, everywhere: bool) -> list[Address]:
    """What a wish closes: the mailbox that wrote and the one we wrote to, or every address of the writer."""
    found = {address.pk: address}
    if place.original is not None:
        found[place.original.address_id] = place.original.address
    if everywhere:
        links = ContactAddress.objects.filter(contact=contact).select_related("address")
        found |= {link.address_id: link.address for link in links}
    return [found[pk] for pk in sorted(found)]


def _answered(place: _Place, address: Address, now: datetime) -> Message | None:
    """The campaign's email that this is a reply to: the one it names, else the latest to that mailbox."""
    original = place.original
    if original is not None:
        recent = original.accepted_at is None or original.accepted_at > now - REPLY_WINDOW
        return original if original.kind == Message.Kind.CAMPAIGN and recent else None
    found = sql.value(
        """
        SELECT id FROM conversations_message
        WHERE address_id = %s AND mailbox_id IS NOT NULL AND kind = 'campaign' AND created_at > %s
          AND (accepted_at > %s OR state IN ('calling', 'unknown'))
        ORDER BY COALESCE(accepted_at, state_at) DESC, id DESC LIMIT 1
        """,
        [address.pk, now - REPLY_WINDOW * 2, now - REPLY_WINDOW],
    )
    return Message.objects.select_related("contact", "lane").get(pk=found) if found else None


def _opted_out(message: Message, addresses: Sequence[Address], now: datetime) -> Received:
    if message.replies_to_id is not None:
        # Before enrollments are ended: messages are locked first.
        Message.objects.filter(pk=message.replies_to_id, opted_out_at=None).update(opted_out_at=now)
    in_flight = opt_outs.record(
        addresses, contact=message.contact, source=OptOut.Source.EMAIL, evidence=message.body or "",
        detector=f"{reading.DETECTOR}/{message.reading.rule}", score=message.reading.score,
        provider_id=message.provider_id or "", now=now,
    )  # fmt: skip
    return Received(message.pk, Reading.Outcome.OPT_OUT, tuple(in_flight))


def _wants_back(mail: InboundEmail, words: str, address: Address, now: datetime) -> bool:
    """Lift the opt-out of the mailbox where its owner says START, and certainly they; never one that the
    provider holds, such as a complaint: a person has to see to that."""
    if not mail.authentic or not reading.wants_back(words):
        return False
    wish = OptOut.objects.filter(address=address, channel="email", lifted_at=None).first()
    if wish is None or wish.source == OptOut.Source.PROVIDER:  # who holds it, too: a complaint, or a list
        return False
    if mail_wishes.complained(address):
        return False
    suppression.lift(address, channel="email", evidence=words, provider_id="", now=now)
    opt_ins.open_threads(address)
    return True


def _thread(message: Message, now: datetime, **made_as: str) -> Thread:
    """The thread that this email stands in: opened anew where it was resolved, made where there is none."""
    thread, made = Thread.objects.get_or_create(
        contact=message.contact,
        address=message.address,
        defaults={
            "account_id": message.account_id, "mailbox": message.mailbox, "created_at": now,
            "last_message_at": now, "last_inbound_at": now, **made_as,
        },
    )  # fmt: skip
    if not made:
        inbound.touch(thread, now)
    return thread
