"""A time of the week where somebody lives, as an instant."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from audiences.places import EASTERN


def next_local(zones: Sequence[str], *, days: Collection[int], at: time, after: datetime) -> datetime:
    """The first instant later than `after` at which it is `at` on one of `days` (0 is Monday), in UTC.

    With several candidate zones, when it has struck in all of them on that day; with none, Eastern time. A
    time that the clocks leave out is the next minute that exists; one they repeat is its first.
    """
    places = [ZoneInfo(zone) for zone in zones or [EASTERN]]
    first = min(after.astimezone(zone).date() for zone in places)
    for ahead in range(15):
        day = first + timedelta(days=ahead)
        moment = struck(zones, day, at)
        if day.weekday() in days and moment > after:
            return moment
    raise ValueError("No weekday was named.")


def struck(zones: Sequence[str], day: date, at: time) -> datetime:
    """The instant at which it has struck `at` on this day in all of these zones, in UTC; without any, in the
    Eastern one. Times that clocks leave out or repeat are as in `next_local`."""
    return max(_instant(ZoneInfo(zone), day, at) for zone in zones or [EASTERN])


def _instant(zone: ZoneInfo, day: date, at: time) -> datetime:
    local = datetime.combine(day, at)
    while True:
        instant = local.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == local:
            return instant
        local += timedelta(minutes=1)
