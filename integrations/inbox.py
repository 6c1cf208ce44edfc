"""The durable inbox of webhooks: an event is answered only after it is committed.

Two ways in. `store` shares one commit among all requests that arrive together (status callbacks come
by the thousand). `record` writes in the caller's own transaction, for a handler that does its whole
work there. Both keep an event once: the unique key holds within a month, and the month before is
searched, because providers repeat callbacks for days.
"""

import json
import queue
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction

from common import clock, sql
from integrations.models import ProviderEvent
from integrations.models.provider_event import month_of

WAIT_SECONDS = 10.0  # then the caller answers 503 and the provider repeats
_BATCH = 500
_IDLE_SECONDS = 5.0  # then the committer gives its connection back

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
    return _committer.submit(event)


def record(event: IncomingEvent) -> int | None:
    """Keep `event` in the caller's transaction: its id, or None where it was known already.

    A concurrent delivery of the same event waits here until this transaction ends.
    """
    return _insert([event]).get(event.key)


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


class _Waiting:
    """An event and what became of it, told by releasing a lock: the cheapest way to wake one thread."""

    __slots__ = ("_told", "error", "event", "given_up", "new")

    def __init__(self, event: IncomingEvent) -> None:
        self.event = event
        self.new = False
        self.error: Exception | None = None
        self.given_up = False  # nobody waits any more: writing it would help nobody
        self._told = threading.Lock()
        self._told.acquire()

    def tell(self, *, new: bool = False, error: Exception | None = None) -> None:
        """The committer's word."""
        self.new, self.error = new, error
        self._told.release()

    def wait(self, seconds: float) -> bool:
        """Whether the event was new. Raises the error of writing it, or TimeoutError."""
        if not self._told.acquire(timeout=seconds):
            self.given_up = True
            raise TimeoutError
        if self.error is not None:
            raise self.error
        return self.new


class _Committer:
    """One thread with one connection: takes everything that waits and commits it at once."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, event: IncomingEvent) -> bool:
        """Wait until `event` is committed; whether it was new."""
        # Given back before the wait: handlers that held every connection of the pool would leave none for
        # the committer they wait for.
        connection.close()
        waiting = _Waiting(event)
        self._queue.put(waiting)
        self._ensure_running()
        try:
            return waiting.wait(WAIT_SECONDS)
        except (TimeoutError, DatabaseError, InterfaceError) as exc:
            raise InboxUnavailable(f"{event.provider} event not stored") from exc

    def _ensure_running(self) -> None:
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._commit(batch)
        finally:
            connection.close()

    def _next_batch(self) -> list[_Waiting]:
        """Everything that waits now, at most 500; empty after a quiet while, which ends the thread."""
        try:
            batch = [self._queue.get(timeout=_IDLE_SECONDS)]
        except queue.Empty:
            with self._guard:
                if not self._queue.empty():
                    return [self._queue.get()]
                self._thread = None  # whoever comes next starts another
            return []
        while len(batch) < _BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        live = [waiting for waiting in batch if not waiting.given_up]
        # One order in every process, so that two batches with common events cannot deadlock.
        live.sort(key=lambda waiting: waiting.event.key)
        try:
            new = self._write_twice(live)
        except (DataError, IntegrityError) as exc:
            # One event the database cannot take; it must not hold up those that arrived with it.
            if len(live) == 1:
                self._fail(live, exc)
            else:
                for waiting in live:
                    self._commit([waiting])
            return
        except Exception as exc:
            self._fail(live, exc)
            return
        for waiting in live:
            waiting.tell(new=new.pop(waiting.event.key, None) is not None)

    def _write_twice(self, live: list[_Waiting]) -> dict[tuple[str, str], int]:
        """Write; once more on a new connection where the old one had died while idle, or on a deadlock.

        What the first try may have committed is then reported as known, and it is stored.
        """
        try:
            return self._write(live)
        except (DataError, IntegrityError):
            raise
        except (DatabaseError, InterfaceError):
            connection.close()
            return self._write(live)

    def _write(self, live: list[_Waiting]) -> dict[tuple[str, str], int]:
        if not live:
            return {}
        events = [waiting.event for waiting in live]
        for month in {month_of(event.received_at) for event in events}:
            _ensure_partition(month)
        with transaction.atomic():
            return _insert(events)

    def _fail(self, live: list[_Waiting], exc: Exception) -> None:
        connection.close()
        error = exc if isinstance(exc, DatabaseError | InterfaceError) else DatabaseError(str(exc))
        for waiting in live:
            waiting.tell(error=error)


_committer = _Committer()
