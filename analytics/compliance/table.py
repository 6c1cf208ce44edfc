"""The register as CSV: one line per opt-out, every column as the row has it."""

import csv
import io
from datetime import datetime
from typing import IO
from zoneinfo import ZoneInfo

from analytics.compliance.register import Line
from common.spreadsheets import harmless

HEAD = (
    "opt_out", "recorded_at", "recorded_at_utc", "phone", "contact", "words", "door", "recorded_by",
    "detector", "provider_id", "lifted_at", "lifted_words", "lifted_by",
)  # fmt: skip


class Table:
    """A CSV file (RFC 4180, UTF-8 with a byte order mark for spreadsheets) that is being written."""

    def __init__(self, file: IO[bytes], zone: ZoneInfo) -> None:
        self._file = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        self._rows = csv.writer(self._file)
        self._rows.writerow(HEAD)
        self._zone = zone

    def add(self, line: Line) -> None:
        """One opt-out."""
        values = [
            line.pk, self._local(line.at), _utc(line.at), line.address, line.contact, line.words, line.door,
            line.by, line.detector, line.provider_id, self._local(line.lifted_at), line.lifted_words,
            line.lifted_by,
        ]  # fmt: skip
        self._rows.writerow([harmless(value) for value in values])

    def finish(self) -> None:
        """Write what is left; the file stays open."""
        self._file.flush()
        self._file.detach()

    def _local(self, moment: datetime | None) -> str:
        return moment.astimezone(self._zone).isoformat(sep=" ", timespec="seconds") if moment else ""


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
