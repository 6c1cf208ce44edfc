"""A customer's own way back: START or UNSTOP from the same handset; YES where nothing else can be meant."""

import re
from datetime import datetime, timedelta

from django.db.models import Q

from audiences import suppression
from audiences.models import Address, OptOut
from common.phone import PhoneKind, parse_phone
from conversations import opt_outs, reading
from conversations.models import Message, Thread
from integrations.messaging import InboundText
from integrations.models import SendingNumber

State = Message.State
YES = "yes"
QUESTION_OPEN = timedelta(days=7)  # as long as a reply belongs to what it answers
_ASKS = re.compile(r"\?|\b(yes|y|si|sí)\b", re.IGNORECASE)


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


def open_threads(address: Address) -> None:
    """Open again what the opt-out of this address had closed, for everybody who shares it."""
    Thread.objects.filter(address=address, closed_reason=opt_outs.REASON).update(
        state=Thread.State.OPEN, closed_reason=""
    )


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
