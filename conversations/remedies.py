"""What a provider's refusal asks of us beyond the message: record an opt-out, stop trying a dead number."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from audiences import suppression
from audiences.models import Address
from common.transactions import atomic_with_retry
from conversations import opt_outs
from conversations.models import Message
from integrations.messaging import Remedy

_UNREACHABLE = {
    Remedy.NUMBER_INVALID: "The number does not exist",
    Remedy.NO_TEXTS: "The number cannot receive texts",
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


@atomic_with_retry
def _mark_unreachable(message_ids: list[int], reason: str, now: datetime) -> None:
    addresses = set(Message.objects.filter(pk__in=message_ids).values_list("address_id", flat=True))
    suppression.lock_addresses(addresses)
    Address.objects.filter(pk__in=addresses, unreachable_since=None).update(
        unreachable_since=now, unreachable_reason=reason
    )
