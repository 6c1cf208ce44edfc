"""Building downloads: one worker at a time, in turns of some seconds.

The keys of all rows are fixed by one statement as building begins. Then each slice of them is read by a
statement of its own, so that no snapshot is held for longer than that; a row that changed meanwhile is
written as it is by then. A slice of a CSV file is committed with its piece of the file and the progress:
whoever comes after a worker that was killed, or whose turn was over, goes on behind the last one.
"""

import logging
import time
from collections.abc import Callable

from django.db import transaction

from accounts import access
from accounts.models import Membership
from analytics.downloads import csv_file, excel_file, leases, sources, statements
from analytics.downloads.columns import OF, Column
from analytics.downloads.sources import Source
from analytics.models import Download, DownloadChunk, DownloadSlice
from analytics.models.download import EXCEL_ROWS
from common import clock, loops

TURN_SECONDS = 15.0
SLICE_ROWS = 250_000  # a second or two each; larger ones are joined more cheaply
log = logging.getLogger(__name__)


class Impossible(Exception):
    """It cannot be made, and never will; the words say why and what to do."""


def build_waiting(*, go_on: Callable[[], bool]) -> int:
    """Build downloads that wait, in turns, whoever was served longest ago first; how many were finished."""
    finished = 0
    while go_on() and (download := leases.take()):
        finished += _turn(download)
    return finished


def _turn(download: Download) -> bool:
    """Go on with a leased download until it is finished or its turn is over; whether it is finished."""
    deadline = time.monotonic() + TURN_SECONDS

    def go_on() -> bool:
        return time.monotonic() < deadline and not loops.should_stop()

    try:
        if _write(download, go_on):
            return leases.finish(download)
        leases.give_back(download)
    except leases.Lost:
        log.info("download %s is no longer wanted here", download.pk)
    except Impossible as why:
        leases.fail(download, str(why))
    except Exception as error:
        log.exception("download %s failed", download.pk)
        leases.fail(
            download,
            f"Making it failed ({type(error).__name__}). Nothing was kept. Try again; if it fails again, "
            "whoever runs Truckroll finds the cause in its log.",
        )
    return False


def _write(download: Download, go_on: Callable[[], bool]) -> bool:
    source = _source(download)
    try:
        rows = source.query(download.account, download.params)
    except sources.Unknown as gone:
        raise Impossible("What the figure was of is gone or has changed. Nothing was written.") from gone
    columns: list[Column] = list(source.columns or OF[rows.model])
    if download.total is None:
        with transaction.atomic():
            leases.hold(download)
            DownloadSlice.objects.filter(download=download).delete()
            DownloadChunk.objects.filter(download=download).delete()
            download.as_of = clock.now()
            download.total = statements.fix_keys(download, rows, SLICE_ROWS)
            Download.objects.filter(pk=download.pk).update(total=download.total, as_of=download.as_of)
    if download.form == Download.Form.XLSX:
        if download.total > EXCEL_ROWS:
            raise Impossible(
                f"An Excel sheet holds {EXCEL_ROWS:,} rows, and there are {download.total:,}. Nothing was "
                "written. Queue it as a CSV file, which has no limit, or narrow the list first."
            )
        return excel_file.write(download, rows.model, columns, lambda: not loops.should_stop())
    return csv_file.write(download, rows.model, columns, go_on)


def _source(download: Download) -> Source:
    """What it is of, if its requester may still have that."""
    member = Membership.objects.filter(
        account=download.account_id, user=download.requested_by_id, disabled_at=None, user__is_active=True
    ).first()
    try:
        source = sources.get(download.source)
    except sources.Unknown as gone:
        raise Impossible("This kind of figure is no longer part of Truckroll. Nothing was written.") from gone
    if member is None or not access.allowed(member.role, source.capability):
        raise Impossible("Whoever queued it may no longer see these rows. Nothing was written.")
    return source
