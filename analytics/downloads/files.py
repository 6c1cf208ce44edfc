"""The file of a download in the database: kept piece by piece, read from any byte, gone after 7 days."""

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

import psycopg
from django.db import connection, transaction

from analytics.models import Download, DownloadChunk
from analytics.models.download import KEPT

CHUNK_BYTES = 512 * 1024  # a chunk is larger where one row is
_IN_MEMORY = 8 * 1024 * 1024
_LEVEL = 1  # deflating CSV harder costs more time than its bytes
_INSERT = """
INSERT INTO analytics_downloadchunk (download_id, begins, size, content) VALUES (%s, %s, %s, %s)
"""


class Pieces:
    """Bytes on their way into the database: cut into chunks, deflated where wanted, on disk if many.

    What is read is never in memory as a whole, whatever the size of a slice or of one cell.
    """

    def __init__(self, *, deflate: bool) -> None:
        self._deflate = deflate
        self._sizes: list[tuple[int, int]] = []  # as read, as kept
        self._file = _spool()

    def take(self, source: Iterable[bytes | memoryview]) -> None:
        """Cut what comes."""
        waiting: list[bytes | memoryview] = []
        size = 0
        for data in source:
            waiting.append(data)
            size += len(data)
            if size >= CHUNK_BYTES:
                self._put(b"".join(waiting))
                waiting.clear()
                size = 0
        if waiting:
            self._put(b"".join(waiting))

    def _put(self, data: bytes) -> None:
        kept = zlib.compress(data, _LEVEL) if self._deflate else data
        self._file.write(kept)
        self._sizes.append((len(data), len(kept)))

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Size and content of each chunk."""
        self._file.seek(0)
        for size, kept in self._sizes:
            yield size, self._file.read(kept)

    def __enter__(self) -> "Pieces":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


def keep(download: Download, pieces: Iterable[tuple[int, bytes]], begins: int) -> int:
    """Append chunks to a file, from its byte `begins`; how many bytes. In the caller's transaction."""
    written = 0
    connection.ensure_connection()
    # Django's own cursor would write the bytes into the text of the statement, twice as long.
    with connection.wrap_database_errors, psycopg.Cursor(_driver()) as cursor:
        for size, content in pieces:
            cursor.execute(_INSERT, [download.pk, begins + written, size, content])
            written += size
    return written


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
