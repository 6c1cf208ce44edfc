"""Applying stored status callbacks in batches."""

from uuid import UUID

from django.db import connection

from common import clock
from common.transactions import atomic_with_retry
from conversations import delivery, opt_outs
from integrations.messaging import DeliveryReport, Remedy
from integrations.models import ProviderEvent
from integrations.twilio import webhooks as twilio

BATCH = 1000


def drain() -> int:
    """Apply stored status callbacks until none is left; returns how many were applied."""
    total = 0
    while True:
        count, opted_out = apply_batch()
        for code, message_ids in opted_out.items():
            opt_outs.by_provider(message_ids, code=code, now=clock.now())
        total += count
        if count < BATCH:
            return total


@atomic_with_retry
def apply_batch() -> tuple[int, dict[str, list[int]]]:
    """Apply one batch in one transaction: how many events, and messages refused as opted out, by code."""
    now = clock.now()
    events = ProviderEvent.objects.claim_batch(ProviderEvent.Kind.MESSAGE_STATUS, BATCH)
    if not events:
        return 0, {}
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
    opted_out: dict[str, list[int]] = {}
    for _, report, message_id in matched:
        if report.remedy == Remedy.OPTED_OUT:
            opted_out.setdefault(report.code, []).append(message_id)
    return len(events), opted_out


def _owners(reports: list[DeliveryReport]) -> dict[UUID | None, int]:
    """Attempt id → message id. An attempt proven refused owns nothing: its news is not believed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, message_id FROM conversations_attempt WHERE id = ANY(%s) AND state <> 'refused'",
            [[report.attempt_id for report in reports]],
        )
        return dict(cursor.fetchall())


def _accept_attempts(attempt_ids: list[UUID], now) -> None:  # type: ignore[no-untyped-def]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_attempt SET state = 'accepted', ended_at = COALESCE(ended_at, %s)"
            " WHERE id = ANY(%s) AND state IN ('calling', 'unknown')",
            [now, attempt_ids],
        )
