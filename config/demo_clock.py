"""Where the product's clock starts: at the hour the tests of a demo need, and never back.

The offset is kept in the data folder (`common.clock`), shared by every process and the sandbox.
"""

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from common import clock

COMPANY_ZONE = ZoneInfo("America/Chicago")  # the demo company's
OPENS, CLOSES, STARTS = time(9), time(17), time(10)
_TUESDAY, _WORKDAYS = 1, {0, 1, 2, 3, 4}


def parse(text: str) -> datetime:
    """An ISO instant; without a zone it is company time. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=COMPANY_ZONE)).astimezone(UTC)


def starting_offset(
    kept: timedelta | None, *, real_now: datetime, wanted: datetime | None, demo: bool
) -> timedelta:
    """The offset to run with. `kept` is that of the last run, None at the first start.

    `wanted` (TRUCKROLL_NOW) is where the clock starts, unless it is already past it. Without it a demo
    starts on the next Tuesday at 10:00 company time, and a later start outside 9:00-17:00, Monday to
    Friday, moves on to the next weekday at 10:00. The clock of a folder never goes back.
    """
    present = real_now + (kept or timedelta(0))
    if wanted is not None:
        return wanted - real_now if kept is None else max(kept, wanted - real_now)
    if not demo:
        return kept or timedelta(0)
    if kept is None:
        return _next(present, {_TUESDAY}) - real_now
    local = present.astimezone(COMPANY_ZONE)
    if local.weekday() in _WORKDAYS and OPENS <= local.time() < CLOSES:
        return kept
    return _next(present, _WORKDAYS) - real_now


def _next(after: datetime, weekdays: set[int]) -> datetime:
    """The first 10:00 company time after `after` that falls on one of the weekdays (Monday is 0)."""
    day = after.astimezone(COMPANY_ZONE).date()
    while True:
        start = datetime.combine(day, STARTS, COMPANY_ZONE)
        if day.weekday() in weekdays and start > after:
            return start.astimezone(UTC)
        day += timedelta(days=1)


def start_clock(data_dir: Path, *, wanted: str, demo: bool) -> datetime:
    """Keep the starting offset in the data folder and return the instant the clock now shows."""
    path = data_dir / clock.FILE_NAME
    real_now = datetime.now(UTC)
    kept = _kept(path)
    offset = starting_offset(kept, real_now=real_now, wanted=parse(wanted) if wanted else None, demo=demo)
    if offset != kept:
        clock.set_offset(offset, path)
    return real_now + offset


def _kept(path: Path) -> timedelta | None:
    return (
        timedelta(seconds=float(json.loads(path.read_text())["offset_seconds"])) if path.is_file() else None
    )
