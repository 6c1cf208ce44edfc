"""Whose a download is while it is built: a lease on the database's clock, renewed with every slice."""

from typing import Any

from django.db.models import F

from analytics.models import Download, DownloadChunk, DownloadSlice
from common import clock, sql

LEASE_SECONDS = 30
MOST_BROKEN_OFF = 5
State = Download.State


class Lost(Exception):
    """It was cancelled, deleted or taken over: nothing more of it may be written."""


def take() -> Download | None:
    """The next download, leased: whoever was served longest ago. What was begun too often has failed."""
    _give_up()
    taken = sql.value(
        """
        UPDATE analytics_download
        SET broken_off = broken_off + CASE WHEN leased_until IS NULL THEN 0 ELSE 1 END,
            state = 'building', attempt = attempt + 1, served_at = clock_timestamp(),
            begun_at = coalesce(begun_at, %s),
            leased_until = clock_timestamp() + make_interval(secs => %s)
        WHERE id = (
            SELECT id FROM analytics_download
            WHERE state = 'queued' OR state = 'building' AND coalesce(leased_until < clock_timestamp(), true)
            ORDER BY served_at NULLS FIRST, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        ) RETURNING id
        """,
        [clock.now(), LEASE_SECONDS],
    )
    return Download.objects.select_related("account", "requested_by").get(pk=taken) if taken else None


def _give_up() -> None:
    given_up = sql.column(
        """
        UPDATE analytics_download SET state = 'failed', leased_until = NULL, finished_at = %s,
            error = 'It was begun several times and its worker never came back. Nothing was kept. Try again.'
        WHERE state = 'building' AND leased_until < clock_timestamp() AND broken_off >= %s RETURNING id
        """,
        [clock.now(), MOST_BROKEN_OFF],
    )
    if given_up:
        DownloadSlice.objects.filter(download__in=given_up).delete()
        DownloadChunk.objects.filter(download__in=given_up).delete()


def hold(download: Download, seconds: float = LEASE_SECONDS) -> None:
    """Lock its row and renew the lease, inside a transaction. Raises Lost where it is no longer ours."""
    held = sql.run(
        """
        UPDATE analytics_download SET leased_until = clock_timestamp() + make_interval(secs => %s)
        WHERE id = %s AND state = 'building' AND attempt = %s
        """,
        [seconds, download.pk, download.attempt],
    )
    if not held:
        raise Lost


def note(download: Download, *, rows: int, slice_rows: int, size: int, seconds: float) -> None:
    """Add a slice to the progress, in the transaction that keeps it: rows written, rows looked at, bytes of
    the file, seconds spent."""
    download.done, download.rows = download.done + slice_rows, download.rows + rows
    download.bytes, download.worked_ms = download.bytes + size, download.worked_ms + round(seconds * 1000)
    names = ("done", "rows", "bytes", "worked_ms")
    Download.objects.filter(pk=download.pk).update(**{name: getattr(download, name) for name in names})


def begin_anew(download: Download) -> None:
    """Forget what was written of a file that cannot be gone on with, in a transaction that holds it."""
    DownloadChunk.objects.filter(download=download).delete()
    download.done = download.rows = download.bytes = download.worked_ms = 0
    Download.objects.filter(pk=download.pk).update(done=0, rows=0, bytes=0, worked_ms=0)


def give_back(download: Download) -> None:
    """End a turn: whoever comes next goes on. Nothing happens where it is no longer ours."""
    _mine(download, leased_until=None)


def finish(download: Download) -> bool:
    """Everything is written; False where it is no longer ours."""
    DownloadSlice.objects.filter(download=download).delete()
    return _mine(
        download, state=State.READY, done=F("total"), finished_at=clock.now(), leased_until=None, broken_off=0
    )


def fail(download: Download, why: str) -> bool:
    """It cannot be made; nothing of it is kept. False where it is no longer ours."""
    ours = _mine(download, state=State.FAILED, error=why[:300], finished_at=clock.now(), leased_until=None)
    if ours:
        DownloadSlice.objects.filter(download=download).delete()
        DownloadChunk.objects.filter(download=download).delete()
    return ours


def _mine(download: Download, **values: Any) -> bool:
    mine = Download.objects.filter(pk=download.pk, state=State.BUILDING, attempt=download.attempt)
    return bool(mine.update(**values))
