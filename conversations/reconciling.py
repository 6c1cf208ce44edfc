"""Calls whose answer was lost: found in the provider's list, or given up after their validity.

A match is one listed text to that phone with the same words and sender, created around the call and
claimed by no other message. Two matches are an alarm, never a third send. Emails have no such list: only the
provider's own events, which name the attempt, can tell.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from common import loops, sql
from common.transactions import atomic_with_retry
from conversations import delivery
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.models import Attempt, Message
from integrations.messaging import ListedText, ProviderError
from integrations.models import Connection, SendingNumber
from integrations.twilio.client import TwilioAccess, list_texts

log = logging.getLogger(__name__)
_SLACK = timedelta(minutes=2)
BATCH = 50
_MOST_DOUBLINGS = 8
_POLLS_BEFORE_GIVING_UP = 2


def reconcile_unknown(*, now: datetime, seconds: float = loops.LONGEST_LOOP_SECONDS) -> int:
    """Look up some of the unknown messages that are old enough for up to `seconds`; how many were settled.

    In random order, so that those nothing can be learnt of now do not keep others from their turn. A provider
    that did not answer once is not asked again in this round.
    """
    # Polls are spread: each one doubles the wait for the next, on the real clock.
    ids = sql.column(
        """
        SELECT m.id FROM conversations_message m
        WHERE m.state = 'unknown' AND m.claimed_at < clock_timestamp()
            - %s * power(2, least(m.unknown_polls, %s)) * interval '1 second'
        ORDER BY random() LIMIT %s
        """,
        [settings.RECONCILE_AFTER_SECONDS, _MOST_DOUBLINGS, BATCH],
    )
    messages = Message.objects.select_related("address", "number__connection").in_bulk(ids)
    silent: set[int] = set()
    settled = 0
    for message_id, _ in zip(ids, loops.loop_until(seconds), strict=False):
        message = messages.get(message_id)
        if message is None:
            continue
        if message.number is None:
            settled += settle(message.pk, None, now=now)
        elif message.number.connection_id not in silent:
            try:
                settled += _reconcile(message, message.number, now)
            except ProviderError as error:
                log.warning("list of texts not available: %s", error.code)
                silent.add(message.number.connection_id)
    return settled


def _reconcile(message: Message, number: SendingNumber, now: datetime) -> bool:
    """Whether the message was settled. Raises ProviderError where the list cannot be read."""
    attempt = Attempt.objects.filter(message=message).exclude(state="refused").first()
    started = attempt.started_at if attempt else message.state_at
    listed = list_texts(_access(number.connection), to=message.address.value, created_after=started - _SLACK)
    matches = _unclaimed([text for text in listed if _matches(text, message, number)])
    if len(matches) > 1:
        log.error("message %s matches %s texts at the provider", message.pk, len(matches))
        return False
    return settle(message.pk, matches[0] if matches else None, now=now)


def _access(connection: Connection) -> TwilioAccess:
    try:
        return TwilioAccess.of(connection)
    except KeyError as missing:
        words = f"The connection lacks {missing}"
        raise ProviderError(words, permanent=True, accepted="no", code="not_connected") from None


def _matches(text: ListedText, message: Message, number: SendingNumber) -> bool:
    return text.body == message.body and text.from_ in ("", number.e164)


def _unclaimed(texts: Sequence[ListedText]) -> list[ListedText]:
    known = set(
        Message.objects.filter(
            provider="twilio", provider_id__in=[t.receipt.provider_id for t in texts]
        ).values_list("provider_id", flat=True)
    )
    return [text for text in texts if text.receipt.provider_id not in known]


@atomic_with_retry
def settle(message_id: int, found: ListedText | None, *, now: datetime) -> bool:
    """Adopt what the provider's list holds; without a match count the poll, and give up after validity."""
    if found is not None:
        return _adopt(message_id, found, now)
    message = Message.objects.select_for_update(no_key=True).get(pk=message_id)
    if message.state != Message.State.UNKNOWN:
        return False
    message.unknown_polls += 1
    message.save(update_fields=["unknown_polls"])
    if message.unknown_polls < _POLLS_BEFORE_GIVING_UP or (message.valid_until and message.valid_until > now):
        return False
    words = f"The provider never said whether it took this {'text' if message.number_id else 'email'}"
    delivery.advance(
        [delivery.Move(message_id, Message.State.FAILED, None, DELIVERY_UNKNOWN, words, 0)], now=now
    )
    return True


def _adopt(message_id: int, found: ListedText, now: datetime) -> bool:
    receipt = found.receipt
    move = delivery.Move(
        message_id, receipt.state.value, receipt.provider_id, found.code, "", receipt.segments
    )
    moved = delivery.advance([move], now=now)
    Attempt.objects.filter(message_id=message_id, state="unknown").update(state="accepted", ended_at=now)
    return moved == 1
