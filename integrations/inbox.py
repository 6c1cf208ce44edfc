"""The durable inbox of webhooks: an event is answered only after it is committed.

Two ways in. `store` shares one commit among all requests that arrive together (status callbacks come
by the thousand). `record` writes in the caller's own transaction, for a handler that does its whole
work there. Both keep an event once: the unique key holds within a month, and the month before is
searched, because providers repeat callbacks for days.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction

from common import clock, sql
from common.group_commit import GroupCommit, NotCommitted
from integrations.models import ProviderEvent
from integrations.models.provider_event import month_of

WAIT_SECONDS = 10.0  # then the caller answers 503 and the provider repeats

_INSERT = """
INSERT INTO integrations_providerevent
    (month, provider, event_id, kind, account_id, payload, headers, received_at, outcome)
SELECT e.month, e.provider, e.event_id, e.kind, e.account_id, e.payload, e.headers, e.received_at, ''
FROM unnest(%s::date[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::jsonb[], %s::jsonb[],
            %s::timestamptz[])
     AS e (month, provider, event_id, kind, account_id, payload, headers, received_at)
WHERE NOT EXISTS (
    SELECT 1 FROM integrations_providerevent p
    WHERE p.provider = e.provider AND p.event_id = e.event_id
      AND p.month = (e.month - interval '1 month')::date)
ON CONFLICT (provider, event_id, month) DO NOTHING
RETURNING id, provider, event_id
"""


class InboxUnavailable(Exception):
    """The event was not proved stored in time; answer 503, so that the provider sends it again."""


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """One event as a provider told it, already verified."""

    provider: str
    event_id: str
    kind: str
    payload: dict[str, Any]
    account_id: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    received_at: datetime = field(default_factory=clock.now)

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same event."""
        return (self.provider, self.event_id)


def store(event: IncomingEvent) -> bool:
    """Keep `event` durably, sharing the commit with other threads; True where it was not known yet.

    Returns after the commit. Inside a transaction it joins that one instead, so that the caller's
    promise and the event stand or fall together. Raises InboxUnavailable after 10 s or on a database
    error.
    """
    if connection.in_atomic_block:
        return record(event) is not None
    try:
        return _committer.submit(event, WAIT_SECONDS)
    except NotCommitted as exc:
        raise InboxUnavailable(f"{event.provider} event not stored") from exc


def record(event: IncomingEvent) -> int | None:
    """Keep `event` in the caller's transaction: its id, or None where it was known already.

    A concurrent delivery of the same event waits here until this transaction ends.
    """
    return _insert([event]).get(event.key)


def store_all(events: Sequence[IncomingEvent]) -> int:
    """Keep what came in one request, in one statement and one commit; how many were not known yet.

    Raises InboxUnavailable on a database error, and DataError where one of them cannot be kept at all.
    """
    once = {event.key: event for event in events}
    # One order in every process, so that two batches with common events cannot deadlock.
    ordered = [once[key] for key in sorted(once)]
    for last in (False, True):
        try:
            for month in {month_of(event.received_at) for event in ordered}:
                _ensure_partition(month)
            with transaction.atomic():
                return len(_insert(ordered)) if ordered else 0
        except (DataError, IntegrityError):
            raise
        except (DatabaseError, InterfaceError) as exc:
            if connection.in_atomic_block:
                raise
            connection.close()
            if last:
                raise InboxUnavailable("a batch of events was not stored") from exc
    raise AssertionError("unreachable")


def claim_batch(kind: str, limit: int) -> list[ProviderEvent]:
    """Undrained events, oldest first, locked with SKIP LOCKED until the caller's transaction ends."""
    return ProviderEvent.objects.claim_batch(kind, limit)


def mark_applied(ids: Iterable[int], *, outcome: str = "applied") -> int:
    """Close drained events with what became of them; how many were open."""
    return ProviderEvent.objects.mark_applied(ids, now=clock.now(), outcome=outcome)


def _insert(events: Sequence[IncomingEvent]) -> dict[tuple[str, str], int]:
    """Insert in one statement; ids of the new ones by key."""
    months = [month_of(event.received_at) for event in events]
    for month in set(months):
        _ensure_partition(month)
    columns = sql.arrays(
        [
            (
                month, e.provider, e.event_id, e.kind, e.account_id, _json(e.payload), _json(e.headers),
                e.received_at,
            )
            for month, e in zip(months, events, strict=True)
        ]
    )  # fmt: skip
    return {(provider, event_id): pk for pk, provider, event_id in sql.rows(_INSERT, columns)}


def _json(value: Any) -> str:
    """JSON that Postgres takes: it has no character for NUL, which a text may well contain."""
    return json.dumps(value).replace("\\u0000", "\\ufffd")


_months_made: set[tuple[str, date]] = set()


def _ensure_partition(month: date) -> None:
    """Once per month and process; the hourly task normally made the partition long before."""
    mark = (str(connection.settings_dict["NAME"]), month)
    if mark not in _months_made:
        with connection.cursor() as cursor:
            cursor.execute("SELECT integrations_ensure_event_partitions(%s)", [month])
        if not connection.in_atomic_block:
            _months_made.add(mark)


def _write(events: Sequence[IncomingEvent]) -> list[bool]:
    """Keep these events in one transaction; which of them were new. Of the same event twice, one is.

    What an earlier try may have committed is then reported as known, and it is stored.
    """
    # One order in every process, so that two batches with common events cannot deadlock.
    ordered = sorted(events, key=lambda event: event.key)
    for month in {month_of(event.received_at) for event in ordered}:
        _ensure_partition(month)
    with transaction.atomic():
        new = _insert(ordered)
    return [new.pop(event.key, None) is not None for event in events]


_committer: GroupCommit[IncomingEvent, bool] = GroupCommit("inbox", _write)
