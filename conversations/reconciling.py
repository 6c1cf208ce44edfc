"""Calls whose answer was lost: found in the provider's list, or given up after their validity.

A match is one listed text to that phone with the same words and sender, created around the call and
claimed by no other message. Two matches are an alarm, never a third send. Emails have no such list: only the
provider's own events, which name the attempt, can tell.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from common import loops, sql
from common.transactions import atomic_with_retry
from conversations import delivery
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.locks import lock_messages
from conversations.models import Attempt, Message
from integrations.messaging import ListedText, ProviderError
from integrations.models import Connection, SendingNumber
from integrations.twilio.client import TwilioAccess
from integrations.twilio.lists import list_texts

log = logging.getLogger(__name__)
_NEVER_SAID = "The provider never said whether it took this {}"
_SLACK = timedelta(minutes=2)
BATCH = 1000  # more than one killed sender loses
_MOST_DOUBLINGS = 8
_POLLS_BEFORE_GIVING_UP = 2
_AT_ONCE = 16  # lists asked for at a time
_AT_ONCE_OF_ONE = 6  # of them over one connection, once it has answered


def reconcile_unknown(*, now: datetime, seconds: float = loops.LONGEST_LOOP_SECONDS) -> int:
    """Look up the unknown messages that are old enough for up to `seconds`; how many were settled.

    Several at a time: a list takes its time, and a killed sender leaves hundreds. In random order, so that
    those nothing can be learnt of now do not keep others from their turn. A provider that did not answer once
    is not asked again in this round.
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
    if not ids:
        return 0
    messages = list(Message.objects.select_related("address", "number__connection").filter(pk__in=ids))
    settled = _settle_emails([message.pk for message in messages if message.number is None], now)
    round_ = _Round(_lost(messages))
    try:
        for left in loops.loop_until(seconds):
            if not round_.ask():
                break
            for lost, listed in round_.answers(left):
                settled += _reconcile(lost, listed, now)
    finally:
        round_.end()
    return settled


@dataclass(frozen=True, slots=True)
class _Lost:
    """A text whose call was lost, and since when the provider may have it."""

    message: Message
    number: SendingNumber
    created_after: datetime


def _lost(messages: Sequence[Message]) -> list[_Lost]:
    attempts = Attempt.objects.filter(message__in=messages).exclude(state="refused")
    started = dict(attempts.values_list("message", "started_at"))
    return [
        _Lost(message, message.number, started.get(message.pk, message.state_at) - _SLACK)
        for message in messages
        if message.number is not None
    ]


class _Round:
    """One round of asking providers for their lists, in threads that know no database."""

    def __init__(self, lost: Sequence[_Lost]) -> None:
        self._left: dict[Connection, list[_Lost]] = defaultdict(list)
        for each in lost:
            self._left[each.number.connection].append(each)
        self._asked: dict[Future[list[ListedText]], _Lost] = {}
        self._under_way: Counter[Connection] = Counter()
        self._answered: set[Connection] = set()
        self._threads = ThreadPoolExecutor(_AT_ONCE, "lost-calls")

    def ask(self) -> bool:
        """Ask for as many lists as may be asked for at once; whether any is awaited."""
        for connection, lost in self._left.items():
            # The first alone: who does not answer it need not be asked for the others.
            most = _AT_ONCE_OF_ONE if connection in self._answered else 1
            while lost and self._under_way[connection] < most and len(self._asked) < _AT_ONCE:
                one = lost.pop()
                self._under_way[connection] += 1
                self._asked[self._threads.submit(_listed, one)] = one
        return bool(self._asked)

    def answers(self, seconds: float) -> Iterator[tuple[_Lost, list[ListedText]]]:
        """The lists that came, once one has come, or none after so many seconds."""
        done, _ = wait(self._asked, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in done:
            lost = self._asked.pop(future)
            connection = lost.number.connection
            self._under_way[connection] -= 1
            try:
                listed = future.result()
            except ProviderError as error:
                log.warning("list of texts not available: %s", error.code)
                self._left[connection].clear()
                continue
            self._answered.add(connection)
            yield lost, listed

    def end(self) -> None:
        """Wait for no list any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _listed(lost: _Lost) -> list[ListedText]:
    """The provider's texts to that phone since the call. Raises ProviderError."""
    access = _access(lost.number.connection)
    return list_texts(access, to=lost.message.address.value, created_after=lost.created_after)


def _reconcile(lost: _Lost, listed: Sequence[ListedText], now: datetime) -> bool:
    """Whether the text was settled."""
    message = lost.message
    matches = _unclaimed([text for text in listed if _matches(text, message, lost.number)])
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
    words = _NEVER_SAID.format("text")
    delivery.advance(
        [delivery.Move(message_id, Message.State.FAILED, None, DELIVERY_UNKNOWN, words, 0)], now=now
    )
    return True


@atomic_with_retry
def _settle_emails(message_ids: Sequence[int], now: datetime) -> int:
    """Count a poll of each, and give up those of whom no event came in their time; how many."""
    lock_messages(message_ids)
    polled = sql.rows(
        "UPDATE conversations_message SET unknown_polls = least(unknown_polls + 1, 1000)"
        " WHERE id = ANY(%s) AND state = 'unknown' RETURNING id, unknown_polls, valid_until",
        [sql.array(message_ids)],
    )
    moves = [
        delivery.Move(
            message_id, Message.State.FAILED, None, DELIVERY_UNKNOWN, _NEVER_SAID.format("email"), 0
        )
        for message_id, polls, valid_until in polled
        if polls >= _POLLS_BEFORE_GIVING_UP and (valid_until is None or valid_until <= now)
    ]
    return delivery.advance(moves, now=now)


def _adopt(message_id: int, found: ListedText, now: datetime) -> bool:
    receipt = found.receipt
    move = delivery.Move(
        message_id, receipt.state.value, receipt.provider_id, found.code, "", receipt.segments
    )
    moved = delivery.advance([move], now=now)
    Attempt.objects.filter(message_id=message_id, state="unknown").update(state="accepted", ended_at=now)
    return moved == 1
