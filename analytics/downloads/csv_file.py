"""A CSV file by COPY, slice after slice: RFC 4180, UTF-8.

It begins with a byte order mark: without one, Excel on Windows reads UTF-8 as the machine's own code page and
spoils every name with an accent. Programs that read CSV know the mark, or take it for part of the first head.
Instants are company time with its distance from UTC, ISO 8601 with a space: `2026-11-24 15:04:05.5-06`.
"""

import csv
import io
import time
from collections.abc import Callable

from django.db import connection, transaction

from analytics.downloads import files, leases, statements
from analytics.downloads.columns import Column
from analytics.models import Download, DownloadSlice
from common.spreadsheets import harmless

BOM = "\ufeff"
_IN_ZONE = "SELECT set_config('TimeZone', %s, true)"


def write(download: Download, model: type, columns: list[Column], go_on: Callable[[], bool]) -> bool:
    """Write slices behind what the file has, until all are written or `go_on` says no; whether all are.

    Raises `leases.Lost`.
    """
    if not download.bytes:
        _begin(download, columns)
    slices = DownloadSlice.objects.filter(download=download).order_by("position")
    for piece, many in list(slices.values_list("pk", "keys__len")):
        if not go_on():
            return False
        began = time.monotonic()
        with files.Pieces(deflate=True) as pieces:
            rows = _copy(pieces, download, *statements.as_csv(model, columns, piece))
            with transaction.atomic():
                leases.hold(download)
                size = files.keep(download, pieces, download.bytes)
                DownloadSlice.objects.filter(pk=piece).delete()
                seconds = time.monotonic() - began
                leases.note(download, rows=rows, slice_rows=many, size=size, seconds=seconds)
    return True


def _begin(download: Download, columns: list[Column]) -> None:
    """The mark and the heads."""
    text = io.StringIO(newline="")
    heads = [column.label for column in columns]
    csv.writer(text, lineterminator="\n").writerow([harmless(head) for head in heads])
    with files.Pieces(deflate=True) as pieces, transaction.atomic():
        leases.hold(download)
        pieces.take([(BOM + text.getvalue()).encode()])
        leases.note(download, rows=0, slice_rows=0, size=files.keep(download, pieces, 0), seconds=0)


def _copy(pieces: files.Pieces, download: Download, query: str, params: list[object]) -> int:
    """Take what the database writes of a slice; how many rows."""
    with transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(statements.WITH_ROOM)
        cursor.execute(_IN_ZONE, [download.account.timezone])
        with cursor.copy(query, params) as answer:
            pieces.take(answer)
        rows = int(cursor.rowcount)
        cursor.execute(_IN_ZONE, ["UTC"])  # whatever else this transaction reads, it reads as ever
    return rows
