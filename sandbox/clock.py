"""Two clocks: the wall clock that providers print, and the real one that measures and schedules."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path

REREAD_SECONDS = 0.5


class Clock:
    """Wall time = real time + the offset of `clock_file` (`{"offset_seconds": float}`), read twice a second.

    `real()` never steps back while the process lives; timers and the ledger's `at` use it alone.
    """

    def __init__(self, clock_file: Path | None = None) -> None:
        self._file = clock_file
        self._base = time.time() - time.monotonic()
        self._offset = 0.0
        self._read_at = -1.0

    def reread(self) -> None:
        """Read the clock file at the next look, not up to half a second later."""
        self._read_at = -1.0

    def real(self) -> float:
        """Unix seconds of real time, monotonic within this process."""
        return self._base + time.monotonic()

    def wall(self) -> float:
        """Unix seconds of the wall clock that the product and its providers share."""
        return self.real() + self.offset()

    def offset(self) -> float:
        """Seconds the wall clock is ahead of real time; an unreadable file keeps the last value."""
        mono = time.monotonic()
        if self._file is not None and (self._read_at < 0 or mono - self._read_at > REREAD_SECONDS):
            self._read_at = mono
            with suppress(OSError, ValueError, KeyError):
                self._offset = float(json.loads(self._file.read_text())["offset_seconds"])
        return self._offset

    def now(self) -> datetime:
        """The wall clock as an aware UTC datetime."""
        return datetime.fromtimestamp(self.wall(), UTC)


def rfc2822(stamp: float | None) -> str | None:
    """Unix seconds as Twilio prints dates (`Sat, 21 Nov 2026 10:00:00 +0000`); None stays None."""
    return None if stamp is None else _rfc2822(int(stamp))


@lru_cache(maxsize=4096)
def _rfc2822(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def iso(stamp: float | datetime) -> str:
    """ServiceTitan's date format: UTC with a `Z`, always with microseconds: texts sort as instants."""
    at = stamp if isinstance(stamp, datetime) else datetime.fromtimestamp(stamp, UTC)
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """An ISO date or time as an aware datetime, UTC where it names no zone. Raises ValueError."""
    at = datetime.fromisoformat(text.strip())
    return at if at.tzinfo else at.replace(tzinfo=UTC)
