"""The only wall clock of the product.

`now()` is real time plus an offset kept in `TRUCKROLL_DATA/clock.json`, so that any hour can be
reproduced: every process, the provider sandbox included, reads the same file. Leases, claim ages and
sweeps never use this clock (they use `time.monotonic()` or SQL `clock_timestamp()`).
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path

FILE_NAME = "clock.json"
_REREAD_SECONDS = 0.5
_offset = timedelta(0)
_read_at = -1.0
_standing: ContextVar[datetime | None] = ContextVar("standing", default=None)


def now() -> datetime:
    """The product's present instant, timezone-aware, in UTC."""
    return _standing.get() or datetime.now(UTC) + offset()


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Let this clock show `moment` to what this very thread does inside, and to nobody else.

    For what is only tried out: nothing that is kept may be made of it.
    """
    token = _standing.set(moment)
    try:
        yield
    finally:
        _standing.reset(token)


def offset() -> timedelta:
    """How far the product's clock runs ahead of real time; read again at most twice a second."""
    global _offset, _read_at
    mono = time.monotonic()
    if _read_at < 0 or mono - _read_at > _REREAD_SECONDS:
        _offset = _read(clock_file())
        _read_at = mono
    return _offset


def set_offset(value: timedelta, path: Path | None = None) -> None:
    """Keep `value` as the offset for every process that shares the data folder (atomic replace)."""
    global _read_at
    path = path or clock_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps({"offset_seconds": value.total_seconds()}))
    draft.replace(path)
    _read_at = -1.0


def clock_file() -> Path:
    """Where the offset is kept: `TRUCKROLL_DATA`, by default `.truckroll` beside `manage.py`."""
    data = os.environ.get("TRUCKROLL_DATA")
    base = Path(data) if data else Path(__file__).resolve().parent.parent / ".truckroll"
    return base.absolute() / FILE_NAME


def _read(path: Path) -> timedelta:
    try:
        return timedelta(seconds=float(json.loads(path.read_text())["offset_seconds"]))
    except FileNotFoundError:
        return timedelta(0)
