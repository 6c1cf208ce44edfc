"""The hours in which the law lets us reach somebody, as data.

The federal frame is 47 CFR 64.1200(c)(1): 8:00 to 21:00 where the called person is. States narrow it, each
in one row of `state_hours.csv`, which is checked as it is loaded. An empty cell is not known and stays at
the federal frame. The table is incomplete and no legal advice: counsel reviews it, each row says when it was
last held against its source, and `overdue` which rows want reading again. A rule is applied to texts unless
its row says that it covers calls alone: what is disputed for texts holds for texts.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from audiences.state_names import NAMES

Hours = tuple[int, int]
"""Minutes after local midnight, half-open: (480, 1260) is 8:00 to 21:00."""

CLOSED: Hours = (0, 0)
SUNDAY = 6
SATURDAY = 5
TEXT, CALL = "text", "call"
REVIEW_EVERY = timedelta(days=365)
TABLE = Path(__file__).with_suffix(".csv")
CONFIDENCE = ("read", "summary", "none found")
"""The rule itself was read; somebody's summary was; nothing narrower than the federal frame was found."""
_COVERS = {
    "": frozenset({TEXT, CALL}),
    "calls and texts": frozenset({TEXT, CALL}),
    "calls": frozenset({CALL}),
}
_FEDERAL: Hours = (8 * 60, 21 * 60)


class BadTable(ValueError):
    """The table of hours cannot be used: nobody is reached before it is mended."""


@dataclass(frozen=True, slots=True)
class StateHours:
    """One state's frame. `media` are what it binds; `covers` is what its row says, empty where disputed."""

    state: str
    weekday: Hours = _FEDERAL
    saturday: Hours = _FEDERAL
    sunday: Hours = _FEDERAL
    holidays_closed: bool = False
    media: frozenset[str] = frozenset({TEXT, CALL})
    covers: str = ""
    area_code_presumed: bool = False
    confidence: str = "none found"
    reviewed: date = date.min
    source: str = ""
    rule: str = ""

    @property
    def name(self) -> str:
        """The state's name."""
        return NAMES[self.state]

    @property
    def review_due(self) -> date:
        """When it should be read against its source again."""
        return self.reviewed + REVIEW_EVERY

    @property
    def words(self) -> list[str]:
        """Its hours for people, line by line: “Every day 8 am–9 pm”, or “Sunday closed” and its kin."""
        named = [("Mon–Fri", self.weekday), ("Sat", self.saturday), ("Sun", self.sunday)]
        if self.weekday == self.saturday == self.sunday:
            named = [("Every day", self.weekday)]
        elif self.weekday == self.saturday:
            named = [("Mon–Sat", self.weekday), named[2]]
        elif self.saturday == self.sunday:
            named = [named[0], ("Sat, Sun", self.sunday)]
        lines = [f"{days} {_in_words(span)}" for days, span in named]
        return [*lines, "Holidays closed"] if self.holidays_closed else lines

    @property
    def narrows(self) -> bool:
        """Whether it allows less than the federal frame."""
        return self.holidays_closed or {self.weekday, self.saturday, self.sunday} != {_FEDERAL}


def read(lines: Iterable[str]) -> dict[str, StateHours]:
    """The table, by state. Raises BadTable where a row is missing, doubled, or wider than federal law."""
    found: dict[str, StateHours] = {}
    for row in csv.DictReader(lines):
        state = row["state"]
        try:
            if state in found or state not in NAMES:
                raise ValueError("no state, or one named before")
            found[state] = _read_row(row)
        except (KeyError, TypeError, ValueError) as error:
            raise BadTable(f"{state}: {error}") from error
    if missing := sorted(NAMES.keys() - found.keys()):
        raise BadTable(f"without a row: {', '.join(missing)}")
    return found


def _read_row(row: dict[str, str]) -> StateHours:
    if row["holiday"] not in ("", "closed") or row["area_code_presumed"] not in ("", "yes"):
        raise ValueError("holiday is empty or closed, area_code_presumed empty or yes")
    if row["confidence"] not in CONFIDENCE or not row["source"] or not row["rule"]:
        raise ValueError("a row needs its source, its rule, and how far they are confirmed")
    return StateHours(
        state=row["state"],
        weekday=_hours(row["weekday"]),
        saturday=_hours(row["saturday"]),
        sunday=_hours(row["sunday"]),
        holidays_closed=row["holiday"] == "closed",
        media=_COVERS[row["covers"]],
        covers=row["covers"],
        area_code_presumed=row["area_code_presumed"] == "yes",
        confidence=row["confidence"],
        reviewed=date.fromisoformat(row["reviewed"]),
        source=row["source"],
        rule=row["rule"],
    )


def _hours(cell: str) -> Hours:
    """`8:00-20:00`, `closed`, or nothing: the federal frame."""
    if cell in ("", "closed"):
        return CLOSED if cell else _FEDERAL
    opens, closes = (int(hour) * 60 + int(minute) for hour, minute in map(_parts, cell.split("-")))
    if not _FEDERAL[0] <= opens < closes <= _FEDERAL[1]:
        raise ValueError(f"{cell} is not inside the federal hours")
    return opens, closes


def _parts(clock: str) -> tuple[str, str]:
    hour, minute = clock.split(":")
    return hour, minute


def _in_words(span: Hours) -> str:
    return "closed" if span == CLOSED else "–".join(_clock(minute) for minute in span)


def _clock(minute: int) -> str:
    hour, rest = divmod(minute, 60)
    exact = f"{hour % 12 or 12}:{rest:02}" if rest else str(hour % 12 or 12)
    return f"{exact} {'am' if hour < 12 else 'pm'}"


FEDERAL = StateHours("", source="47 CFR 64.1200(c)(1)")
STATES: dict[str, StateHours] = read(TABLE.read_text(encoding="utf-8").splitlines())


def overdue(today: date) -> list[StateHours]:
    """The rows that nobody has held against their source for a year, longest first."""
    return sorted(
        (row for row in STATES.values() if row.review_due <= today), key=lambda row: (row.reviewed, row.state)
    )


def lawful(day: date, states: Iterable[str], medium: str) -> Hours:
    """The hours of a local day allowed by federal law and every named state; `CLOSED` where none are."""
    rules = [FEDERAL, *(STATES[state] for state in states if state in STATES)]
    start, end = 0, 24 * 60
    for rule in rules:
        if medium not in rule.media:
            continue
        if rule.holidays_closed and day in public_holidays(day.year):
            return CLOSED
        opens, closes = {SATURDAY: rule.saturday, SUNDAY: rule.sunday}.get(day.weekday(), rule.weekday)
        start, end = max(start, opens), min(end, closes)
    return (start, end) if start < end else CLOSED


def public_holidays(year: int) -> frozenset[date]:
    """The eleven federal holidays, with the weekday on which one that falls on a weekend is kept."""
    return frozenset(named_holidays(year))


@lru_cache(maxsize=64)
def named_holidays(year: int) -> dict[date, str]:
    """The days of `public_holidays` with their names, in order; do not change it."""
    fixed = {
        date(year, 1, 1): "New Year’s Day",
        date(year, 6, 19): "Juneteenth",
        date(year, 7, 4): "Independence Day",
        date(year, 11, 11): "Veterans Day",
        date(year, 12, 25): "Christmas Day",
    }
    kept = {_kept_on(day): f"{name} (observed)" for day, name in fixed.items()}
    kept[_kept_on(date(year + 1, 1, 1))] = "New Year’s Day (observed)"
    moving = {
        _nth(year, 1, 0, 3): "Martin Luther King Jr. Day",
        _nth(year, 2, 0, 3): "Presidents’ Day",
        _nth(year, 6, 0, 1) - timedelta(days=7): "Memorial Day",  # the last Monday of May
        _nth(year, 9, 0, 1): "Labor Day",
        _nth(year, 10, 0, 2): "Columbus Day",
        _nth(year, 11, 3, 4): "Thanksgiving Day",
    }
    found = {day: name for day, name in kept.items() if day.year == year} | moving | fixed
    return dict(sorted(found.items()))


def _kept_on(day: date) -> date:
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))
