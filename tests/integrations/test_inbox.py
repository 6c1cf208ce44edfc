"""The durable inbox: once, committed before the answer, across month ends."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, connections, transaction

from integrations import inbox
from integrations.inbox import InboxUnavailable, IncomingEvent
from integrations.models import ProviderEvent
from tests.product import wait_for

KIND = ProviderEvent.Kind.MESSAGE_STATUS
NOVEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)


def event(event_id: str, **changes: Any) -> IncomingEvent:
    fields: dict[str, Any] = {"provider": "twilio", "event_id": event_id, "kind": KIND, "payload": {"a": "1"}}
    return IncomingEvent(**fields | changes)


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(i)` in threads that start together and close their connections."""
    gate = threading.Barrier(count)

    def run(i: int) -> Any:
        try:
            gate.wait(10)
            return work(i)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def stored_or_unavailable(incoming: IncomingEvent) -> Any:
    try:
        return inbox.store(incoming)
    except InboxUnavailable:
        return "unavailable"


def commits() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM integrations_providerevent")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_concurrent_events_share_commits_and_are_each_kept_once() -> None:
    answers = in_threads(64, lambda i: [inbox.store(event(f"e{i}-{n}")) for n in range(5)])
    assert answers == [[True] * 5] * 64
    assert ProviderEvent.objects.count() == 320
    assert commits() < 160, "events that wait together are committed together"


@pytest.mark.django_db(transaction=True)
def test_one_event_delivered_by_many_at_once_is_new_to_exactly_one() -> None:
    answers = in_threads(32, lambda _: inbox.store(event("same")))
    assert sorted(answers) == [False] * 31 + [True]
    assert ProviderEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_event_is_committed_when_store_returns() -> None:
    inbox.store(event("durable"))
    [seen] = in_threads(1, lambda _: ProviderEvent.objects.filter(event_id="durable").count())
    assert seen == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_the_database_refuses_does_not_hold_up_its_neighbours() -> None:
    def work(i: int) -> Any:
        return stored_or_unavailable(event(f"n{i}", account_id=None if i else 987_654))

    answers = in_threads(20, work)
    assert answers == ["unavailable"] + [True] * 19
    assert ProviderEvent.objects.count() == 19


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_while_idle_loses_nothing() -> None:
    assert inbox.store(event("before"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        assert cursor.fetchone()[0] >= 1, "the committer's connection was there to be killed"
    assert inbox.store(event("after"))
    assert ProviderEvent.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_answer_is_reported_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.store(event("first"))
    monkeypatch.setattr(inbox, "WAIT_SECONDS", 0.4)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE integrations_providerevent IN ACCESS EXCLUSIVE MODE")
        [answer] = in_threads(1, lambda _: stored_or_unavailable(event("late")))
    assert answer == "unavailable"


@pytest.mark.django_db
def test_inside_a_transaction_the_event_falls_with_it() -> None:
    with transaction.atomic():
        assert inbox.store(event("fell"))
        transaction.set_rollback(True)
    assert not ProviderEvent.objects.exists()


@pytest.mark.django_db
def test_record_tells_a_known_event_from_a_new_one() -> None:
    first = inbox.record(event("r"))
    assert first == ProviderEvent.objects.get().pk
    assert inbox.record(event("r")) is None


@pytest.mark.django_db
def test_a_duplicate_is_found_in_the_month_before() -> None:
    assert inbox.store(event("m", received_at=NOVEMBER))
    assert not inbox.store(event("m", received_at=DECEMBER))
    assert inbox.store(event("m2", received_at=DECEMBER))
    assert [str(e.month) for e in ProviderEvent.objects.order_by("id")] == ["2026-11-01", "2026-12-01"]


@pytest.mark.django_db
def test_a_text_with_a_nul_character_is_kept() -> None:
    assert inbox.store(event("nul", payload={"Body": "a\x00b"}))
    assert ProviderEvent.objects.get().payload == {"Body": "a\ufffdb"}


def partition_of(event_id: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM integrations_providerevent WHERE event_id = %s", [event_id]
        )
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_partitions_are_made_around_any_month_and_take_over_what_the_default_caught() -> None:
    far = datetime(2031, 7, 15, tzinfo=UTC)
    ProviderEvent.objects.create(
        provider="twilio", event_id="far", kind=KIND, payload={}, month="2031-07-01", received_at=far
    )
    pk = ProviderEvent.objects.get().pk
    assert partition_of("far") == "integrations_providerevent_default"
    ProviderEvent.objects.ensure_partitions(far)
    ProviderEvent.objects.ensure_partitions(far)
    assert partition_of("far") == "integrations_providerevent_2031_07"
    assert ProviderEvent.objects.get().pk == pk
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'integrations_providerevent'::regclass "
            "AND inhrelid::regclass::text LIKE '%2031%'"
        )
        made = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid"
            " WHERE i.inhparent = 'integrations_providerevent'::regclass"
            " AND NOT coalesce(c.reloptions, '{}') @> array['autovacuum_vacuum_threshold=50000']"
        )
        assert cursor.fetchone() == (0,), "every partition is vacuumed by count"
    assert made == {f"integrations_providerevent_2031_{month}" for month in ("06", "07", "08", "09")}
    assert inbox.record(event("next", received_at=far)) is not None
    assert inbox.record(event("far", received_at=far)) is None, "the unique key holds in the new partition"


@pytest.mark.django_db(transaction=True)
def test_drains_take_different_rows_and_each_row_once() -> None:
    for i in range(6):
        inbox.store(event(f"d{i}"))
    inbox.store(event("other", kind=ProviderEvent.Kind.SOURCE_CHANGED))
    with transaction.atomic():
        mine = inbox.claim_batch(KIND, 4)

        def other(_: int) -> list[str]:
            with transaction.atomic():
                rows = inbox.claim_batch(KIND, 4)
                inbox.mark_applied([row.pk for row in rows])
                return [row.event_id for row in rows]

        [theirs] = in_threads(1, other)
        assert inbox.mark_applied([row.pk for row in mine], outcome="late") == 4
    assert [row.event_id for row in mine] == ["d0", "d1", "d2", "d3"]
    assert theirs == ["d4", "d5"]
    assert inbox.mark_applied([row.pk for row in mine]) == 0, "an applied event is not applied again"
    with transaction.atomic():
        assert inbox.claim_batch(KIND, 10) == []


@pytest.mark.django_db
def test_the_drain_reads_the_partial_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM integrations_providerevent WHERE kind = 'message_status' "
            "AND applied_at IS NULL ORDER BY id LIMIT 10 FOR NO KEY UPDATE SKIP LOCKED"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "kind_id_idx" in plan
    assert "Merge Append" in plan
    assert "Sort  (" not in plan


@pytest.mark.django_db(transaction=True)
def test_a_waiting_handler_holds_no_connection() -> None:
    # Handlers that kept theirs would empty the pool, and the committer they wait for would find none.
    handlers: list[Any] = []

    def handle(i: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # as the check of the signature does
        handlers.append(connections["default"])
        return inbox.store(event(f"pooled-{i}"))

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE integrations_providerevent IN EXCLUSIVE MODE")
            answer = pool.submit(handle, 1)
            wait_for(lambda: handlers and inbox._committer._thread, what="a handler that waits")
            time.sleep(0.2)
            assert not answer.done()
            assert handlers[0].connection is None
        assert answer.result(10) is True


@pytest.mark.django_db(transaction=True)
def test_months_that_are_too_old_are_dropped_whole() -> None:
    for months in range(8):
        at = datetime(2025 + (months + 3) // 12, (months + 3) % 12 + 1, 3, tzinfo=UTC)
        ProviderEvent.objects.ensure_partitions(at)
        inbox.store(event(f"e{months}", received_at=at))
    applied = ProviderEvent.objects.exclude(event_id="e2")
    applied.update(applied_at=DECEMBER)
    dropped = ProviderEvent.objects.drop_partitions(datetime(2025, 9, 20, tzinfo=UTC))
    assert [name[-7:] for name in dropped] == ["2025_03", "2025_04", "2025_05", "2025_07", "2025_08"]
    # June has an event that nobody has applied, and September is not over.
    left = ProviderEvent.objects.order_by("received_at").values_list("event_id", flat=True)
    assert list(left) == ["e2", "e5", "e6", "e7"]
