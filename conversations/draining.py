"""Applying stored status callbacks in batches; one that cannot be applied is closed and holds up no other."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import DataError, IntegrityError

from common import clock, loops, sql
from common.transactions import atomic_with_retry
from conversations import delivery, remedies
from conversations.models import Message
from integrations.messaging import DeliveryReport, Remedy
from integrations.models import ProviderEvent
from integrations.twilio import webhooks as twilio

log = logging.getLogger(__name__)
BATCH = 1000
_SID_LENGTH = Message._meta.get_field("provider_id").max_length or 0
_OUTCOME_LENGTH = 300  # of what is kept of an error's words
Refusals = list[tuple[int, Remedy, str]]
Matched = list[tuple[ProviderEvent, DeliveryReport, int]]


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
    return _apply(ProviderEvent.objects.claim_batch(ProviderEvent.Kind.MESSAGE_STATUS, BATCH), clock.now())


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
    one = ProviderEvent.objects.filter(pk=event_id, applied_at=None)
    return _apply(list(one.select_for_update(skip_locked=True, no_key=True)), clock.now())


def _apply(events: Sequence[ProviderEvent], now: datetime) -> tuple[int, Refusals]:
    """Apply these locked events inside the caller's transaction."""
    if not events:
        return 0, []
    reports: list[tuple[ProviderEvent, DeliveryReport]] = []
    for event in events:
        try:
            reports.append((event, _report(event)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            log.error("status callback %s is unreadable: %r", event.pk, error)
            words = f"unreadable: {error!r}"[:_OUTCOME_LENGTH]
            ProviderEvent.objects.mark_applied([event.pk], now=now, outcome=words)
    matched = _matched(reports)
    delivery.apply_reports([(report, message_id) for _, report, message_id in matched], now=now)
    _accept_attempts([r.attempt_id for _, r, _ in matched if r.attempt_id], now)
    applied = [event.pk for event, _, _ in matched]
    ProviderEvent.objects.mark_applied(applied, now=now)
    # Those still open: an unreadable one keeps the outcome it has.
    unmatched = {event.pk for event, _ in reports}.difference(applied)
    ProviderEvent.objects.mark_applied(unmatched, now=now, outcome="no such attempt")
    refusals: Refusals = [
        (message_id, r.remedy, r.code) for _, r, message_id in matched if r.remedy != Remedy.NONE
    ]
    return len(events), refusals


def _report(event: ProviderEvent) -> DeliveryReport:
    """What the event says. Raises one of the errors of reading where it is no status of a message."""
    report = twilio.parse_status(event.payload, UUID(event.payload["attempt"]))
    if not 0 < len(report.provider_id) <= _SID_LENGTH:
        raise ValueError(f"a MessageSid of {len(report.provider_id)} characters")
    return report


def _matched(reports: Sequence[tuple[ProviderEvent, DeliveryReport]]) -> Matched:
    """The reports on attempts of ours, with their message ids.

    The account whose secret signed the event must be the message's. An attempt proven refused owns nothing:
    its news is not believed.
    """
    found = sql.rows(
        """
        SELECT a.id, m.account_id, m.id
        FROM conversations_attempt a JOIN conversations_message m ON m.id = a.message_id
        WHERE a.id = ANY(%s) AND a.state <> 'refused'
        """,
        [[report.attempt_id for _, report in reports]],
    )
    owners = {(attempt_id, account_id): message_id for attempt_id, account_id, message_id in found}
    keyed = [(event, report, (report.attempt_id, event.account_id)) for event, report in reports]
    return [(event, report, owners[key]) for event, report, key in keyed if key in owners]


def _accept_attempts(attempt_ids: list[UUID], now: datetime) -> None:
    sql.run(
        "UPDATE conversations_attempt SET state = 'accepted', ended_at = COALESCE(ended_at, %s)"
        " WHERE id = ANY(%s) AND state IN ('calling', 'unknown')",
        [now, attempt_ids],
    )
