"""Applying stored status callbacks in batches."""

from datetime import datetime
from uuid import UUID

from common import clock, sql
from common.transactions import atomic_with_retry
from conversations import delivery, remedies
from integrations.messaging import DeliveryReport, Remedy
from integrations.models import ProviderEvent
from integrations.twilio import webhooks as twilio

BATCH = 1000


def drain() -> int:
    """Apply stored status callbacks until none is left; returns how many were applied."""
    total = 0
    while True:
        count, refusals = apply_batch()
        remedies.apply(refusals, now=clock.now())
        total += count
        if count < BATCH:
            return total


@atomic_with_retry
def apply_batch() -> tuple[int, list[tuple[int, Remedy, str]]]:
    """Apply one batch in one transaction: how many events, and what the refusals among them ask for."""
    now = clock.now()
    events = ProviderEvent.objects.claim_batch(ProviderEvent.Kind.MESSAGE_STATUS, BATCH)
    if not events:
        return 0, []
    reports = [
        (event, twilio.parse_status(event.payload, UUID(event.payload["attempt"]))) for event in events
    ]
    owners = _owners([report for _, report in reports])
    matched = [(e, r, owners[r.attempt_id]) for e, r in reports if r.attempt_id in owners]
    unmatched = [e.pk for e, r in reports if r.attempt_id not in owners]
    delivery.apply_reports([(report, message_id) for _, report, message_id in matched], now=now)
    _accept_attempts([r.attempt_id for _, r, _ in matched if r.attempt_id], now)
    ProviderEvent.objects.mark_applied([e.pk for e, _, _ in matched], now=now)
    ProviderEvent.objects.mark_applied(unmatched, now=now, outcome="no such attempt")
    refusals: list[tuple[int, Remedy, str]] = [
        (message_id, r.remedy, r.code) for _, r, message_id in matched if r.remedy != Remedy.NONE
    ]
    return len(events), refusals


def _owners(reports: list[DeliveryReport]) -> dict[UUID | None, int]:
    """Attempt id → message id. An attempt proven refused owns nothing: its news is not believed."""
    found = sql.rows(
        "SELECT id, message_id FROM conversations_attempt WHERE id = ANY(%s) AND state <> 'refused'",
        [[report.attempt_id for report in reports]],
    )
    return {row[0]: row[1] for row in found}


def _accept_attempts(attempt_ids: list[UUID], now: datetime) -> None:
    sql.run(
        "UPDATE conversations_attempt SET state = 'accepted', ended_at = COALESCE(ended_at, %s)"
        " WHERE id = ANY(%s) AND state IN ('calling', 'unknown')",
        [now, attempt_ids],
    )
