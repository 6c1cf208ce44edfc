"""Applying stored status callbacks in batches; one that cannot be applied is closed and holds up no other.

Set-based from end to end: a batch of a thousand is a handful of statements and no model instances.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache, partial
from typing import NamedTuple

from django.db import DataError, IntegrityError

from common import clock, loops, sql
from common.transactions import atomic_with_retry
from conversations import delivery, remedies
from conversations.delivery import Move
from conversations.models import Message
from integrations.messaging import DeliveryReport, Remedy
from integrations.models import ProviderEvent
from integrations.twilio import webhooks as twilio

log = logging.getLogger(__name__)
BATCH = 1000
_SID_LENGTH = Message._meta.get_field("provider_id").max_length or 0
_OUTCOME_LENGTH = 300  # of what is kept of an error's words
_ATTEMPT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Refusals = list[tuple[int, Remedy, str]]


class _Event(NamedTuple):
    """A stored callback, read no further than is needed."""

    id: int
    month: date
    account_id: int | None
    attempt: str | None
    sid: str | None
    status: str | None
    code: str | None


_OPEN = """
SELECT id, month, account_id, payload->>'attempt', payload->>'MessageSid', payload->>'MessageStatus',
    payload->>'ErrorCode'
FROM integrations_providerevent WHERE applied_at IS NULL AND
"""


def drain(seconds: float = loops.LONGEST_LOOP_SECONDS) -> int:
    """Apply stored status callbacks until none is left or `seconds` are over; returns how many were applied.

    Looks between batches whether the process is asked to end.
    """
    total = 0
    for _ in loops.loop_until(seconds):
        try:
            count = _with_remedies(apply_batch)
        except (DataError, IntegrityError):
            log.exception("a batch of status callbacks holds one that cannot be applied")
            count = _apply_one_by_one(seconds)
        total += count
        if count < BATCH:
            break
    return total


def _with_remedies(apply: Callable[[], tuple[int, Refusals]]) -> int:
    count, refusals = apply()
    remedies.apply(refusals, now=clock.now())
    return count


@atomic_with_retry
def apply_batch() -> tuple[int, Refusals]:
    """Apply one batch in one transaction: how many events, and what the refusals among them ask for."""
    claimed = "kind = %s ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"
    return _apply(_read(claimed, [ProviderEvent.Kind.MESSAGE_STATUS, BATCH]), clock.now())


def _apply_one_by_one(seconds: float) -> int:
    """Apply the next batch's events each in a transaction of its own, and close those that break theirs."""
    pending = ProviderEvent.objects.filter(kind=ProviderEvent.Kind.MESSAGE_STATUS, applied_at=None)
    ids = list(pending.order_by("id").values_list("id", flat=True)[:BATCH])
    count = 0
    for event_id, _ in zip(ids, loops.loop_until(seconds), strict=False):
        try:
            count += _with_remedies(partial(_apply_one, event_id))
        except (DataError, IntegrityError) as error:
            log.exception("status callback %s cannot be applied", event_id)
            # The first line: those after it quote the row.
            words = f"unreadable: {str(error).partition(chr(10))[0]}"[:_OUTCOME_LENGTH]
            count += ProviderEvent.objects.mark_applied([event_id], now=clock.now(), outcome=words)
    return count


@atomic_with_retry
def _apply_one(event_id: int) -> tuple[int, Refusals]:
    return _apply(_read("id = %s FOR NO KEY UPDATE SKIP LOCKED", [event_id]), clock.now())


def _read(wanted: str, params: Sequence[object]) -> list[_Event]:
    return [_Event(*row) for row in sql.rows(_OPEN + wanted, params)]


def _apply(events: Sequence[_Event], now: datetime) -> tuple[int, Refusals]:
    """Apply these locked events inside the caller's transaction.

    The account whose secret signed an event must be the message's. Of several on one message the furthest
    counts. What the refusals ask for is returned.
    """
    outcomes: dict[int, str] = {event.id: _problem(event) for event in events}
    readable = [event for event in events if not outcomes[event.id]]
    owners = _owners({event.attempt for event in readable if event.attempt})
    furthest: dict[int, tuple[DeliveryReport, _Event]] = {}
    refusals: Refusals = []
    for event in readable:
        message_id = owners.get((event.attempt or "", event.account_id))
        if message_id is None:
            outcomes[event.id] = "no such attempt"
            continue
        outcomes[event.id] = "applied"
        report = _meaning(event.status or "", event.code or "")
        if message_id not in furthest or report.rank > furthest[message_id][0].rank:
            furthest[message_id] = (report, event)
        if report.remedy != Remedy.NONE:
            refusals.append((message_id, report.remedy, report.code))
    moves = [
        Move(message_id, report.state.value, event.sid, report.code, report.meaning, 0)
        for message_id, (report, event) in furthest.items()
        if report.rank > 0
    ]
    delivery.advance(moves, now=now)
    _accept_attempts({event.attempt for _, event in furthest.values() if event.attempt}, now)
    _close(events, outcomes, now)
    return len(events), refusals


def _problem(event: _Event) -> str:
    """Why an event is no news of a message, or nothing."""
    words = ""
    if event.attempt is None or not _ATTEMPT.fullmatch(event.attempt):
        words = f"unreadable: no attempt, but {event.attempt!r}"
    elif not event.sid or len(event.sid) > _SID_LENGTH:
        words = f"unreadable: a MessageSid of {len(event.sid or '')} characters"
    if words:
        log.error("status callback %s is %s", event.id, words)
    return words[:_OUTCOME_LENGTH]


@lru_cache(maxsize=1000)
def _meaning(status: str, code: str) -> DeliveryReport:
    """What a status means, whichever message it is of."""
    return twilio.report("", status, code)


def _owners(attempts: Iterable[str]) -> dict[tuple[str, int | None], int]:
    """The message of each attempt of ours, by attempt and account.

    An attempt proven refused owns nothing: its news is not believed.
    """
    found = sql.rows(
        """
        SELECT a.id::text, m.account_id, m.id
        FROM conversations_attempt a JOIN conversations_message m ON m.id = a.message_id
        WHERE a.id = ANY(%s::uuid[]) AND a.state <> 'refused'
        """,
        [sql.array(attempts)],
    )
    return {(attempt, account_id): message_id for attempt, account_id, message_id in found}


def _accept_attempts(attempts: Iterable[str], now: datetime) -> None:
    sql.run(
        "UPDATE conversations_attempt SET state = 'accepted', ended_at = COALESCE(ended_at, %s)"
        " WHERE id = ANY(%s::uuid[]) AND state IN ('calling', 'unknown')",
        [now, sql.array(attempts)],
    )


def _close(events: Sequence[_Event], outcomes: dict[int, str], now: datetime) -> None:
    """Note what became of each event; found by its whole key, in its own partition."""
    if not events:
        return
    sql.run(
        """
        UPDATE integrations_providerevent e SET applied_at = %s, outcome = n.outcome
        FROM unnest(%s::bigint[], %s::date[], %s::text[]) AS n (id, month, outcome)
        WHERE e.id = n.id AND e.month = n.month
        """,
        [
            now,
            sql.array(event.id for event in events),
            sql.array(event.month for event in events),
            sql.array(outcomes[event.id] for event in events),
        ],
    )
