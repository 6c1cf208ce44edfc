"""A CSV file by COPY, slice after slice: RFC 4180, UTF-8.

It begins with a byte order mark: without one, Excel on Windows reads UTF-8 as the machine's own code page and
spoils every name with an accent. Programs that read CSV know the mark, or take it for part of the first head.
"""

import csv
import io
import tempfile
import time
from collections.abc import Callable
from typing import IO

from django.db import connection, transaction

from analytics.downloads import files, leases, statements
from analytics.downloads.columns import Column
from analytics.models import Download, DownloadSlice
from common.spreadsheets import harmless

BOM = "\ufeff"
_IN_MEMORY = 8 * 1024 * 1024  # of a slice; the rest of a larger one waits on disk


def write(download: Download, model: type, columns: list[Column], go_on: Callable[[], bool]) -> bool:
    """Write slices behind what the file has, until all are written or `go_on` says no; whether all are.

    Raises `leases.Lost`.
    """
    slices = DownloadSlice.objects.filter(download=download).order_by("position")
    if not download.bytes:
        with _file() as head, transaction.atomic():
            leases.hold(download)
            head.write(_head(download, columns))
            leases.note(download, rows=0, slice_rows=0, size=files.keep(download, head, 0), seconds=0)
    for piece, many in list(slices.values_list("pk", "keys__len")):
        if not go_on():
            return False
        began = time.monotonic()
        with _file() as file:
            rows = _copy(file, *statements.as_csv(model, columns, piece, download.account.zone))
            with transaction.atomic():
                leases.hold(download)
                size = files.keep(download, file, download.bytes)
                DownloadSlice.objects.filter(pk=piece).delete()
                seconds = time.monotonic() - began
                leases.note(download, rows=rows, slice_rows=many, size=size, seconds=seconds)
    return True


def _file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


def _head(download: Download, columns: list[Column]) -> bytes:
    text = io.StringIO(newline="")
    names = statements.heads(columns, download.account.zone)
    csv.writer(text, lineterminator="\n").writerow([harmless(name) for name in names])
    return (BOM + text.getvalue()).encode()


def _copy(file: IO[bytes], query: str, params: list[object]) -> int:
    """Let the database write its answer into the file; how many rows."""
    with connection.cursor() as cursor, connection.wrap_database_errors:
        with cursor.copy(query, params) as answer:
            file.writelines(answer)
        return int(cursor.rowcount)
