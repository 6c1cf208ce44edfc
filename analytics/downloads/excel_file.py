"""An Excel file, written row by row by XlsxWriter in constant memory: a row goes to disk as the next begins.

Unlike a CSV file it cannot be gone on with: whoever comes after a worker that was killed begins it anew.
Texts are texts whatever they begin with, so nothing is quoted. Excel takes 32,767 signs in a cell: of a
longer text the cell has the beginning, and a second sheet all of it.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from django.db import connection, transaction

from analytics.downloads import files, leases, statements
from analytics.downloads.columns import Column, Kind
from analytics.models import Download, DownloadSlice

LONGEST = 32_767  # signs in a cell, in UTF-16
_PIECE = 16_000  # of a longer text: never too long, whatever its signs
_CLOSING_ROWS = 4_000  # a second, to be safe: what zipping all rows takes
_WIDTHS = {Kind.TEXT: 22, Kind.NUMBER: 14, Kind.INSTANT: 19}
_UNMARKED = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
    "strings_to_numbers": False, "nan_inf_to_errors": True,
}  # fmt: skip


def write(download: Download, model: type, columns: list[Column], go_on: Callable[[], bool]) -> bool:
    """Write all slices, or none where `go_on` says no before the end; whether all are.

    Raises `leases.Lost`.
    """
    with transaction.atomic():
        leases.hold(download)
        leases.begin_anew(download)
    with tempfile.TemporaryDirectory(prefix="truckroll-") as folder:
        path = Path(folder) / "download.xlsx"
        book = _Book(path, columns, list(_heads(columns, download.account.zone)))
        slices = DownloadSlice.objects.filter(download=download).order_by("position")
        for piece, many in list(slices.values_list("pk", "keys__len")):
            if not go_on():
                book.forget()
                return False
            began = time.monotonic()
            rows = 0
            for row in _rows(*statements.as_cells(model, columns, piece, download.account.zone)):
                book.add(row)
                rows += 1
            with transaction.atomic():
                leases.hold(download)
                seconds = time.monotonic() - began
                leases.note(download, rows=rows, slice_rows=many, size=0, seconds=seconds)
        _close(download, book)
        _keep(download, path)
    return True


def _heads(columns: Sequence[Column], zone: ZoneInfo) -> Iterator[str]:
    """Of instants two: company time as a date, and UTC as ISO 8601 has it."""
    for column in columns:
        if column.kind is Kind.INSTANT:
            yield from (f"{column.label} ({zone.key})", f"{column.label} (UTC)")
        else:
            yield column.label


def _close(download: Download, book: "_Book") -> None:
    """Zip it, under a lease that lasts for as long as that may take."""
    with transaction.atomic():
        leases.hold(download, leases.LEASE_SECONDS + download.done / _CLOSING_ROWS)
    book.close()


def _keep(download: Download, path: Path) -> None:
    with path.open("rb") as file, transaction.atomic():
        leases.hold(download)
        whole = iter(lambda: file.read(files.CHUNK_BYTES), b"")
        size = files.keep(download, ((len(piece), piece) for piece in whole), 0)
        leases.note(download, rows=0, slice_rows=0, size=size, seconds=0)


def _rows(query: str, params: list[Any]) -> Iterator[tuple[str | None, ...]]:
    """The values of one slice as texts, a row in memory at a time."""
    with transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(statements.WITH_ROOM)
        with cursor.copy(query, params) as answer:
            yield from answer.rows()


class _Book:
    """A workbook with one sheet of rows, and one of long texts where there are any."""

    def __init__(self, path: Path, columns: Sequence[Column], heads: Sequence[str]) -> None:
        self._book = xlsxwriter.Workbook(path, {**_UNMARKED, "tmpdir": str(path.parent)})
        self._long: list[tuple[int, int, Path]] = []
        self._folder = path.parent
        self._heads = heads
        bold = self._book.add_format({"bold": True})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._kinds = [
            kind
            for column in columns
            for kind in ([Kind.INSTANT, Kind.TEXT] if column.kind is Kind.INSTANT else [column.kind])
        ]
        self._sheet = self._book.add_worksheet("Rows")
        for place, kind in enumerate(self._kinds):
            self._sheet.set_column(place, place, _WIDTHS[kind])
        self._sheet.freeze_panes(1, 0)
        for place, head in enumerate(heads):
            self._sheet.write_string(0, place, head, bold)
        self._at = 0

    def add(self, values: Sequence[str | None]) -> None:
        """One row."""
        self._at += 1
        at, sheet = self._at, self._sheet
        for place, (value, kind) in enumerate(zip(values, self._kinds, strict=True)):
            if not value:
                continue
            if kind is Kind.TEXT:
                if len(value) > _PIECE:
                    value = self._beginning(place, value)
                sheet.write_string(at, place, value)
            elif kind is Kind.INSTANT:
                sheet.write_number(at, place, float(value), self._moment)
            elif len(value) > 15:  # Excel keeps 15 digits of a number
                sheet.write_string(at, place, value)
            else:
                sheet.write_number(at, place, float(value))

    def _beginning(self, place: int, value: str) -> str:
        """What a cell shows of a text that may be too long; all of it waits on disk for the second sheet."""
        if len(value.encode("utf-16-le")) // 2 <= LONGEST:
            return value
        path = self._folder / f"long-{len(self._long)}"
        path.write_text(value, encoding="utf-8", newline="")
        self._long.append((self._at, place, path))
        return value[:_PIECE] + " […] The whole text is on the sheet “Long texts”."

    def close(self) -> None:
        """Write the long texts, then zip everything."""
        if self._long:
            sheet, at = self._book.add_worksheet("Long texts"), 0
            for place, head in enumerate(("Row", "Column", "Part", "Text")):
                sheet.write_string(0, place, head)
            for row, place, path in self._long:
                value = path.read_text(encoding="utf-8")
                for part, begin in enumerate(range(0, len(value), _PIECE), 1):
                    at += 1
                    sheet.write_number(at, 0, row + 1)
                    sheet.write_string(at, 1, self._heads[place])
                    sheet.write_number(at, 2, part)
                    sheet.write_string(at, 3, value[begin : begin + _PIECE])
        self._book.close()

    def forget(self) -> None:
        """Leave it unwritten; its folder goes with whoever made that."""
        self._book.fileclosed = 1
