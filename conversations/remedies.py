"""What a provider's refusal asks of us beyond the message: record an opt-out, stop trying a dead number."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from audiences import suppression
from audiences.models import Address
from common import sql
from common.transactions import atomic_with_retry
from conversations import opt_outs
from conversations.models import Message
from integrations.messaging import Remedy
from integrations.sendgrid import errors as sendgrid_errors
from integrations.twilio import errors as twilio_errors

LOOK_BACK = timedelta(days=7)
_UNREACHABLE = {
    Remedy.NUMBER_INVALID: "The number does not exist",
    Remedy.NO_TEXTS: "The number cannot receive texts",
    Remedy.MAILBOX_INVALID: "The mailbox does not exist",
}


def apply(refusals: Iterable[tuple[int, Remedy, str]], *, now: datetime) -> None:
    """Act on (message id, remedy, provider code), each kind in a transaction of its own.

    After the messages' own transaction, because addresses are locked before messages.
    """
    opted_out: dict[str, list[int]] = defaultdict(list)
    unreachable: dict[Remedy, list[int]] = defaultdict(list)
    for message_id, remedy, code in refusals:
        if remedy == Remedy.OPTED_OUT:
            opted_out[code].append(message_id)
        elif remedy in _UNREACHABLE:
            unreachable[remedy].append(message_id)
    for code, message_ids in opted_out.items():
        opt_outs.by_provider(message_ids, code=code, now=now)
    for remedy, message_ids in unreachable.items():
        _mark_unreachable(message_ids, _UNREACHABLE[remedy], now)


def make_good(*, now: datetime) -> int:
    """Act on refusals of the last 7 days whose remedy was lost with its process; how many messages.

    Reads every message that failed, so it is not for each round of a loop.
    """
    codes = {
        code: verdict.remedy
        for known in (twilio_errors.CODES, sendgrid_errors.CODES)
        for code, verdict in known.items()
    }
    found = sql.rows(
        """
        SELECT m.id, m.code FROM conversations_message m JOIN audiences_address a ON a.id = m.address_id
        WHERE m.state IN ('failed', 'rejected') AND m.state_at > %(since)s AND (
            m.code = ANY(%(opted_out)s) AND NOT EXISTS (
                SELECT 1 FROM audiences_optout o WHERE o.address_id = m.address_id
                AND (o.lifted_at IS NULL OR o.lifted_at >= m.state_at))
            OR m.code = ANY(%(unreachable)s) AND a.unreachable_since IS NULL)
        ORDER BY m.id
        """,
        {
            "since": now - LOOK_BACK,
            "opted_out": [code for code, remedy in codes.items() if remedy == Remedy.OPTED_OUT],
            "unreachable": [code for code, remedy in codes.items() if remedy in _UNREACHABLE],
        },
    )
    apply([(message_id, codes[code], code) for message_id, code in found], now=now)
    return len(found)


@atomic_with_retry
def _mark_unreachable(message_ids: list[int], reason: str, now: datetime) -> None:
    addresses = set(Message.objects.filter(pk__in=message_ids).values_list("address_id", flat=True))
    suppression.lock_addresses(addresses)
    Address.objects.filter(pk__in=addresses, unreachable_since=None).update(
        unreachable_since=now, unreachable_reason=reason
    )
