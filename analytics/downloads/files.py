"""The file of a download in the database: kept piece by piece, read from any byte, gone after 7 days."""

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

import psycopg
from django.db import connection, transaction

from analytics.models import Download, DownloadChunk
from analytics.models.download import KEPT

CHUNK_BYTES = 512 * 1024
_LEVEL = 1  # deflating CSV harder costs more time than its bytes
_INSERT = """
INSERT INTO analytics_downloadchunk (download_id, begins, size, content) VALUES (%s, %s, %s, %s)
"""


def keep(download: Download, file: IO[bytes], begins: int) -> int:
    """Append a file's bytes to the download's, from its byte `begins`; how many. The caller's transaction."""
    file.seek(0)
    size = 0
    connection.ensure_connection()
    # Django's own cursor would write the bytes into the text of the statement, twice as long.
    with connection.wrap_database_errors, psycopg.Cursor(_driver()) as cursor:
        while piece := file.read(CHUNK_BYTES):
            content = zlib.compress(piece, _LEVEL) if download.form == Download.Form.CSV else piece
            cursor.execute(_INSERT, [download.pk, begins + size, len(piece), content])
            size += len(piece)
    return size


def _driver() -> Any:
    return connection.connection


def content(download: Download, first: int, last: int) -> Iterator[bytes]:
    """The bytes `first` to `last` of a finished file, both included, a chunk in memory at a time.

    Between chunks no connection is held: a slow reader costs the pool nothing.
    """
    place = first
    while place <= last:
        found = DownloadChunk.objects.filter(download=download, begins__lte=place).order_by("-begins")
        chunk = found.values_list("begins", "content").first()
        if not connection.in_atomic_block:
            connection.close()
        if chunk is None:
            return  # deleted meanwhile: the reader sees a broken transfer, as it must
        begins, kept = chunk
        whole = zlib.decompress(kept) if download.form == Download.Form.CSV else bytes(kept)
        piece = whole[place - begins : last + 1 - begins]
        if not piece:
            return
        yield piece
        place += len(piece)


def expire(*, now: datetime) -> int:
    """Delete the files that are 7 days old; their rows stay and say so. How many."""
    old = Download.objects.kept().filter(finished_at__lte=now - KEPT)
    keys = list(old.values_list("pk", flat=True)[:100])
    for key in keys:
        with transaction.atomic():
            Download.objects.filter(pk=key, state=Download.State.READY).update(state=Download.State.EXPIRED)
            DownloadChunk.objects.filter(download=key).delete()
    return len(keys)
