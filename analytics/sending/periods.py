"""Ranges of time as people say them: minutes of company time, both ends whole.

3:00 to 3:10 is [3:00:00, 3:11:00). A time that comes twice, where clocks go back, means the first at a
range's start and the second at its end, so that nothing between is lost; one that never comes, where they go
forward, means the moment of the change. Nothing is rounded to the hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TODAY, YESTERDAY, WEEK, DAYS_30, MONTH, ALL = "today", "yesterday", "7days", "30days", "month", "all"
PRESETS = {
    TODAY: "Today",
    YESTERDAY: "Yesterday",
    WEEK: "Last 7 days",
    DAYS_30: "Last 30 days",
    MONTH: "This month",
    ALL: "All time",
}
DEFAULT = WEEK
FIRST_YEAR, LAST_YEAR = 2000, 2100
_FORMS = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S")


class Refused(ValueError):
    """A range that means nothing: a sentence for whoever typed it, and the field it is about."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Period:
    """[start, end) as instants of UTC, whole minutes; both None for all time. `notes` say how it was read."""

    start: datetime | None
    end: datetime | None
    preset: str = ""
    notes: tuple[str, ...] = ()

    def typed(self, zone: ZoneInfo) -> tuple[str, str]:
        """The first and the last minute in company time, as a form has them; blank for all time."""
        if self.start is None or self.end is None:
            return "", ""
        first, last = self.start.astimezone(zone), (self.end - MINUTE).astimezone(zone)
        return f"{first:%Y-%m-%dT%H:%M}", f"{last:%Y-%m-%dT%H:%M}"


def asked(values: Mapping[str, str], zone: ZoneInfo, now: datetime) -> Period:
    """The range that a form or an address asks for; the last seven days where it says nothing.

    Raises Refused. A start and an end win over a preset, unless they are its own, so that a form that is sent
    again with another filter goes on with the range that was offered.
    """
    typed = values.get("from", "").strip(), values.get("to", "").strip()
    preset = values.get("preset") or ("" if any(typed) else DEFAULT)
    if preset and preset not in PRESETS:
        raise Refused(
            "We know no such range. Choose one of those offered, or say a start and an end.", "from"
        )
    offered = of_preset(preset, zone, now) if preset else None
    if offered and typed in (("", ""), offered.typed(zone)):
        return offered
    return between(*typed, zone)


def of_preset(preset: str, zone: ZoneInfo, now: datetime) -> Period:
    """One of the ranges that are offered, as it is at `now`: whole days of company time."""
    today = now.astimezone(zone).date()
    spans = {
        TODAY: (today, today + DAY),
        YESTERDAY: (today - DAY, today),
        WEEK: (today - 6 * DAY, today + DAY),
        DAYS_30: (today - 29 * DAY, today + DAY),
        MONTH: (today.replace(day=1), (today.replace(day=1) + 31 * DAY).replace(day=1)),
    }
    if preset == ALL:
        return Period(None, None, ALL)
    first, after = spans[preset]
    return Period(day_start(first, zone), day_start(after, zone), preset)


def between(first: str, last: str, zone: ZoneInfo) -> Period:
    """From one minute to another, both included, as typed. Raises Refused for what is no range."""
    began, ended = _read(first, "from"), _read(last, "to")
    if began > ended:
        raise Refused(
            f"The range ends before it starts: {words(began)} is after {words(ended)}. Nothing was changed; "
            "swap the two, or choose a later end.", "to",
        )  # fmt: skip
    start, start_note = _instant(began, zone, last=False)
    end, end_note = _instant(ended, zone, last=True)
    if end <= start:
        raise Refused(
            f"There was no such time: clocks went forward on {began:%B} {began.day}, {began.year}, and "
            f"{clock_words(began)} to {clock_words(ended)} was skipped. Choose other times.", "from",
        )  # fmt: skip
    notes = [note for note in (start_note, end_note) if note]
    return Period(start, end, "", tuple(dict.fromkeys(notes)))


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day of company time begins; where midnight is skipped, its first moment."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def words(local: datetime) -> str:
    """A minute for people: “November 22, 2026, 3:05 pm”."""
    return f"{local:%B} {local.day}, {local.year}, {clock_words(local)}"


def clock_words(local: datetime) -> str:
    """A time of day: “3:05 pm”."""
    return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


def _read(typed: str, field: str) -> datetime:
    which = "start" if field == "from" else "end"
    if not typed:
        raise Refused(f"A range needs both ends; the {which} is missing. Choose a day and a time.", field)
    for form in _FORMS:
        try:
            read = datetime.strptime(typed, form).replace(second=0)  # noqa: DTZ007 - company time
        except ValueError:
            continue
        if FIRST_YEAR <= read.year < LAST_YEAR:
            return read
    raise Refused(
        f"The {which} is not a day and a time that we can read: write it like 2026-11-22 15:05.", field
    )


def _instant(local: datetime, zone: ZoneInfo, *, last: bool) -> tuple[datetime, str]:
    """Where a typed minute begins (for the last one: where it is over), and a note where clocks changed."""
    early, late = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) != local:
        change = _change(late, early, zone)
        here = change.astimezone(zone)
        verb = "ends before" if last else "starts at"
        note = (
            f"{clock_words(local)} was skipped on {here:%B} {here.day}; the range {verb} {clock_words(here)}."
        )
        return change, note
    chosen = late if last else early
    note = ""
    if early != late:
        which = "second" if last else "first"
        note = f"{clock_words(local)} came twice on {local:%B} {local.day}; the {which} one was taken."
    return chosen + MINUTE if last else chosen, note


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The minute in (before, after] at which clocks went forward."""
    offset, moment = before.astimezone(zone).utcoffset(), before
    while moment < after and moment.astimezone(zone).utcoffset() == offset:
        moment += MINUTE
    return moment
