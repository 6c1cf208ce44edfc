"""Applying stored status callbacks of calls in batches, as `conversations/draining.py` does of texts."""

import logging
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import DataError, IntegrityError

from common import clock, loops, sql
from common.transactions import atomic_with_retry
from conversations import call_progress, call_remedies
from conversations.call_progress import News
from conversations.models import Call
from integrations import inbox
from integrations.messaging import Remedy
from integrations.models import ProviderEvent
from integrations.twilio import voice

log = logging.getLogger(__name__)
BATCH = 500
_SID_LENGTH = Call._meta.get_field("provider_id").max_length or 0
_ATTEMPT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OUTCOME_LENGTH = 300
Refusals = list[tuple[int, Remedy, str]]


def drain(seconds: float = loops.LONGEST_LOOP_SECONDS) -> int:
    """Apply stored status callbacks of calls until none is left or `seconds` are over; how many."""
    total = 0
    for _ in loops.loop_until(seconds):
        try:
            count, refusals = apply_batch()
        except (DataError, IntegrityError):
            log.exception("a batch of call callbacks holds one that cannot be applied")
            count, refusals = _one_by_one(), []
        call_remedies.apply(refusals, now=clock.now())
        total += count
        if count < BATCH:
            break
    return total


@atomic_with_retry
def apply_batch() -> tuple[int, Refusals]:
    """Apply one batch in one transaction: how many events, and what the failures among them ask for."""
    return _apply(inbox.claim_batch(ProviderEvent.Kind.CALL_STATUS, BATCH), clock.now())


def _one_by_one() -> int:
    """Apply the next events each in a transaction of its own, and close those that break theirs."""
    pending = ProviderEvent.objects.filter(kind=ProviderEvent.Kind.CALL_STATUS, applied_at=None)
    ids = list(pending.order_by("id").values_list("id", flat=True)[:BATCH])
    for event_id in ids:
        try:
            _apply_one(event_id)
        except (DataError, IntegrityError) as error:
            log.exception("call callback %s cannot be applied", event_id)
            words = f"unreadable: {str(error).partition(chr(10))[0]}"[:_OUTCOME_LENGTH]
            ProviderEvent.objects.mark_applied([event_id], now=clock.now(), outcome=words)
    return len(ids)


@atomic_with_retry
def _apply_one(event_id: int) -> None:
    events = ProviderEvent.objects.filter(pk=event_id, applied_at=None)
    _apply(list(events.select_for_update(no_key=True, skip_locked=True)), clock.now())


def _apply(events: Sequence[ProviderEvent], now: datetime) -> tuple[int, Refusals]:
    """Apply these locked events. The account whose secret signed one must be the call's."""
    owners = _owners(str(event.payload.get("attempt", "")) for event in events)
    outcomes: dict[str, list[int]] = {}
    news: list[News] = []
    refusals: Refusals = []
    for event in events:
        attempt, sid = str(event.payload.get("attempt", "")), str(event.payload.get("CallSid", ""))
        call_id = owners.get((attempt, event.account_id))
        if not sid or len(sid) > _SID_LENGTH:
            said = f"unreadable: a CallSid of {len(sid)} characters"
        elif call_id is None:
            said = "no such attempt"
        else:
            said = "applied"
            report = voice.parse_status({key: str(value) for key, value in event.payload.items()})
            news.append(News(call_id, report))
            if report.remedy != Remedy.NONE:
                refusals.append((call_id, report.remedy, report.code))
        outcomes.setdefault(said, []).append(event.pk)
    call_progress.advance(news, now=now)
    for said, ids in outcomes.items():
        inbox.mark_applied(ids, outcome=said)
    return len(events), refusals


def _owners(attempts: Iterable[str]) -> dict[tuple[str, int | None], int]:
    """The call of each attempt of ours, by attempt and account. One proven refused owns nothing: its news is
    not believed."""
    known = {attempt for attempt in attempts if _ATTEMPT.fullmatch(attempt)}
    found = sql.rows(
        "SELECT attempt::text, account_id, id FROM conversations_call"
        " WHERE attempt = ANY(%s::uuid[]) AND state <> 'refused'",
        [sql.array(known)],
    )
    return {(attempt, account_id): call_id for attempt, account_id, call_id in found}
