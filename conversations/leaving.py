"""What follows when somebody leaves by the link of an email: the wish is recorded with its evidence, the
email is credited with it, and everything acts as after any other opt-out (`opt_outs`).

“No more emails” closes the mailbox. “Nothing at all” closes every address of whoever got the email, which
ends their campaigns, too. Only the person on that page undoes it there, and only for the mailbox: a phone
comes back by its own START.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from audiences import suppression
from audiences.models import Address, Contact, ContactAddress, OptOut
from common.transactions import atomic_with_retry
from conversations import mail_wishes, opt_ins, opt_outs, outbound
from conversations.locks import lock_messages
from conversations.models import Message
from conversations.unsubscribing import Link

RETURNS_PER_DAY = 3
"""How often one mailbox may come back within 24 hours: every change is evidence and kept for ever."""
_DAY = timedelta(hours=24)


class Door(StrEnum):
    """How somebody left; part of the detector that is kept with the opt-out."""

    ONE_CLICK = "one_click"
    PAGE = "page"


class ReturnRefused(Exception):
    """The opt-out stays; `code` says why: `provider` holds it, too, or it was `often` undone today."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose page it is: a mailbox of an account, who gets its mail, and the email they came from."""

    address: Address
    contact: Contact | None
    message: Message | None

    @property
    def language(self) -> str:
        """The language to speak, `en` where nobody is known."""
        return self.contact.language if self.contact else "en"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is closed at this moment. `everything` counts the reader's other addresses."""

    emails: bool
    everything: bool
    held_by_provider: bool = False


def reader(link: Link) -> Reader | None:
    """Whose link this is; None where the mailbox is gone. An email that is gone is left out."""
    mailbox = Address.Channel.EMAIL
    address = Address.objects.select_related("account").filter(pk=link.address_id, channel=mailbox).first()
    if address is None:
        return None
    named = Message.objects.select_related("contact", "mailbox__account").filter(
        pk=link.message_id or 0, address=address
    )
    message = named.first()
    contact = message.contact if message else None
    if contact is None:
        owners = ContactAddress.objects.filter(address=address, wrong_number_at=None)
        owners = owners.select_related("contact").order_by("-contact__active", "position", "contact_id")
        first = owners.first()
        contact = first.contact if first else None
    return Reader(address, contact, message)


def standing(reader: Reader) -> Standing:
    """What is closed now. Three queries at most."""
    everywhere = {address.pk for address in _everywhere(reader)}
    closed = dict(
        OptOut.objects.filter(address__in=everywhere, lifted_at=None).values_list("address_id", "source")
    )
    mailbox = closed.get(reader.address.pk)
    return Standing(
        emails=mailbox is not None,
        everything=set(closed) == everywhere,
        held_by_provider=mailbox == OptOut.Source.PROVIDER
        or (mailbox is not None and mail_wishes.complained(reader.address)),
    )


@atomic_with_retry
def leave(reader: Reader, *, everything: bool, door: Door, now: datetime) -> list[opt_outs.InFlight]:
    """Record the wish where it is not in force; doing it twice is doing it once.

    Returns the messages being called at this moment, as `opt_outs.record` does.
    """
    addresses = _everywhere(reader) if everything else [reader.address]
    ids = [address.pk for address in addresses]
    suppression.lock_addresses(ids)
    closed = suppression.in_force(ids)
    if closed.issuperset(ids):
        return opt_outs.being_called(ids)  # the same wish may just have been recorded, and waits for these
    if reader.address.pk not in closed:
        _credit(reader, ids, now)
    return opt_outs.record(
        [address for address in addresses if address.pk not in closed],
        contact=reader.contact,
        source=OptOut.Source.PAGE,
        evidence=_evidence(reader, everything=everything, door=door),
        detector=f"unsubscribe/{door}",
        provider_id=(reader.message.provider_id or "") if reader.message else "",
        now=now,
    )


@atomic_with_retry
def come_back(reader: Reader, *, now: datetime) -> bool:
    """End the opt-out in force at the mailbox, and open its threads; whether there was one.

    Campaigns that ended do not begin again. Raises ReturnRefused.
    """
    suppression.lock_addresses([reader.address.pk])
    wish = OptOut.objects.filter(address=reader.address, lifted_at=None).first()
    if wish is None:
        return False
    if wish.source == OptOut.Source.PROVIDER or mail_wishes.complained(reader.address):
        raise ReturnRefused("provider")
    lifted = OptOut.objects.filter(address=reader.address, lifted_at__gt=now - _DAY)
    if lifted.count() >= RETURNS_PER_DAY:
        raise ReturnRefused("often")
    words = f"Pressed “Get emails again” on the page behind {_email(reader)}"
    suppression.lift(reader.address, channel=Address.Channel.EMAIL, evidence=words, now=now)
    opt_ins.open_threads(reader.address)
    return True


def _credit(reader: Reader, address_ids: list[int], now: datetime) -> None:
    """Note the opt-out on the email that led to it. Locks, in id order, all messages that will be."""
    queued = outbound.queued_to(address_ids)
    named = [reader.message.pk] if reader.message else []
    lock_messages({*queued, *named})
    Message.objects.filter(pk__in=named, opted_out_at=None).update(opted_out_at=now)


def _everywhere(reader: Reader) -> list[Address]:
    """The mailbox, and every other address of whoever got the email."""
    links = ContactAddress.objects.filter(contact=reader.contact).select_related("address")
    others = [link.address for link in links] if reader.contact else []
    return list({address.pk: address for address in [reader.address, *others]}.values())


def _evidence(reader: Reader, *, everything: bool, door: Door) -> str:
    if door == Door.ONE_CLICK:
        return f"Pressed “Unsubscribe” in their mail program, on {_email(reader)}"
    choice = "Nothing at all" if everything else "No more emails"
    return f"Chose “{choice}” on the page behind {_email(reader)}"


def _email(reader: Reader) -> str:
    """The email somebody came from, as evidence names it."""
    message = reader.message
    if message is None:
        return "a link of ours"
    at = message.accepted_at or message.created_at
    return f"the email “{message.subject or ''}” of {at:%B} {at.day}, {at.year} (message {message.pk})"
