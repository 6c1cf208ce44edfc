"""The ways back: START or UNSTOP from the same handset, YES where nothing else can be meant, and an agent who
has the customer's words, unless the carrier holds the opt-out too.
"""

import re
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import User
from audiences import suppression
from audiences.models import Address, ContactAddress, OptOut
from common.phone import PhoneKind, parse_phone
from common.transactions import atomic_with_retry
from conversations import opt_outs, reading, wrong_numbers
from conversations.models import Message, Thread
from integrations.messaging import InboundText, Remedy
from integrations.models import SendingNumber
from integrations.twilio import errors

State = Message.State
YES = "yes"
QUESTION_OPEN = timedelta(days=7)  # as long as a reply belongs to what it answers
CARRIER_HOLDS = (
    "Nothing was changed: the carrier keeps this opt-out too. Only the customer’s own START, sent from this "
    "phone, ends it."
)
_ASKS = re.compile(r"\?|\b(yes|y|si|sí)\b", re.IGNORECASE)


class OptInRefused(Exception):
    """The opt-out stays; the words say why and what to do."""


def asked(text: InboundText, address: Address, number: SendingNumber, now: datetime) -> bool:
    """Whether this text asks for texts again, by one of the provider's words.

    YES is Twilio's word too, and also what books a visit: it counts only where no text of the last 7 days
    asked anything, and never at a toll-free number, where the carrier keeps its block at a YES.
    """
    if reading.normalise(text.body).replace(" ", "") == YES:
        return not _toll_free(number) and not _question_open(address, now)
    return reading.wants_back(text.body) or text.opt_out_type == "START"


def restore(address: Address, text: InboundText, now: datetime) -> OptOut | None:
    """Lift the opt-out in force, whoever recorded it, and open what it closed; None where none was in force.

    In the caller's transaction, which holds the lock of the address. Other addresses stay closed.
    """
    wish = suppression.lift(
        address, channel=Address.Channel.PHONE, evidence=text.body, provider_id=text.provider_id, now=now
    )
    if wish is not None:
        open_threads(address)
    return wish


@atomic_with_retry
def by_agent(address: Address, *, by: User, words: str, now: datetime) -> None:
    """End the opt-out in force at an address, with the customer's written words, and open its threads.

    The campaigns that ended do not begin again. Raises OptInRefused without words, where none is in force,
    and where the carrier holds one too.
    """
    words = words.strip()
    if not words:
        raise OptInRefused(
            "Nothing was changed: write down what the customer said. Without it nobody may undo."
        )
    suppression.lock_addresses([address.pk])
    if not suppression.in_force([address.pk]):
        raise OptInRefused("Nothing was changed: no opt-out is in force here any more.")
    if carrier_holds(address):
        raise OptInRefused(CARRIER_HOLDS)
    suppression.lift(address, channel=address.channel, evidence=words, now=now, by=by)
    open_threads(address)


def carrier_holds(address: Address) -> bool:
    """Whether the carrier blocks this phone besides us, as far as we know: what it last heard from there was
    one of its words, or it refused a text for that reason since their last START. No carrier has
    mailboxes."""
    if address.channel == Address.Channel.EMAIL:
        return False
    if OptOut.objects.filter(address=address, lifted_at=None, source=OptOut.Source.PROVIDER).exists():
        return True
    refusals = [code for code, verdict in errors.CODES.items() if verdict.remedy == Remedy.OPTED_OUT]
    heard = Message.objects.filter(
        Q(kind=Message.Kind.INBOUND) | Q(code__in=refusals, state__in=[State.REJECTED, State.FAILED]),
        address=address,
    ).values_list("kind", "body", "reading__rule")
    for kind, body, rule in heard.order_by("-state_at", "-pk").iterator(chunk_size=100):
        if kind != Message.Kind.INBOUND or reading.at_carrier(body or "", rule or ""):
            return True
        if reading.wants_back(body or ""):
            return False
    return False


def open_threads(address: Address) -> None:
    """Open again what the opt-out of this address had closed, for everybody whose phone it is."""
    closed = Thread.objects.filter(address=address, closed_reason=opt_outs.REASON)
    strangers = ContactAddress.objects.filter(address=address, wrong_number_at__isnull=False)
    closed.filter(contact__in=strangers.values("contact")).update(closed_reason=wrong_numbers.REASON)
    closed.update(state=Thread.State.OPEN, closed_reason="")


def _toll_free(number: SendingNumber) -> bool:
    phone = parse_phone(number.e164)
    return phone is not None and phone.kind == PhoneKind.TOLL_FREE


def _question_open(address: Address, now: datetime) -> bool:
    """Whether a text of ours that a YES may answer went to this phone of late."""
    took = Q(accepted_at__gt=now - QUESTION_OPEN) | Q(state__in=[State.CALLING, State.UNKNOWN])
    sent = Message.objects.filter(
        took,
        address=address,
        kind__in=[Message.Kind.CAMPAIGN, Message.Kind.AGENT],
        created_at__gt=now - 2 * QUESTION_OPEN,
    )
    return any(_ASKS.search(body or "") for body in sent.values_list("body", flat=True))
