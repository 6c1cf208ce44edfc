"""The hours in which the law lets us reach somebody, as data.

The federal frame is 47 CFR 64.1200(c)(1): 8:00 to 21:00 where the called person is. States narrow it. The
table is known to be incomplete and not legal advice: counsel reviews it, and `REVIEWED` says when it was
last read against its sources. Where a rule is disputed for texts, it is applied to texts too.
"""

from dataclasses import dataclass
from datetime import date, timedelta

REVIEWED = date(2026, 11, 21)

Hours = tuple[int, int]
"""Minutes after local midnight, half-open: (480, 1260) is 8:00 to 21:00."""

CLOSED: Hours = (0, 0)
SUNDAY = 6
SATURDAY = 5
TEXT, CALL = "text", "call"


@dataclass(frozen=True, slots=True)
class StateHours:
    """One state's frame. `media` names what it covers."""

    weekday: Hours
    saturday: Hours
    sunday: Hours
    holidays_closed: bool = False
    media: frozenset[str] = frozenset({TEXT, CALL})


def _every_day(start: int, end: int) -> StateHours:
    return StateHours((start * 60, end * 60), (start * 60, end * 60), (start * 60, end * 60))


FEDERAL = _every_day(8, 21)
_EIGHT_TO_EIGHT = _every_day(8, 20)
_NINE_TO_EIGHT = _every_day(9, 20)
_NINE_TO_NINE = _every_day(9, 21)
_NO_SUNDAY = StateHours((8 * 60, 20 * 60), (8 * 60, 20 * 60), CLOSED)

STATES: dict[str, StateHours] = {
    "FL": _EIGHT_TO_EIGHT,  # Fla. Stat. 501.616
    "MA": _EIGHT_TO_EIGHT,
    "MD": _EIGHT_TO_EIGHT,
    "OK": _EIGHT_TO_EIGHT,
    "WA": _EIGHT_TO_EIGHT,  # RCW 19.158.040
    "CT": _NINE_TO_EIGHT,
    "NV": _NINE_TO_EIGHT,
    "KY": _every_day(10, 21),
    "MI": _NINE_TO_NINE,
    "MN": _NINE_TO_NINE,
    "NM": _NINE_TO_NINE,
    "AL": _NO_SUNDAY,
    "LA": _NO_SUNDAY,
    "MS": _NO_SUNDAY,
    "PA": StateHours(FEDERAL.weekday, FEDERAL.saturday, FEDERAL.sunday, holidays_closed=True),
    "RI": StateHours((9 * 60, 18 * 60), (10 * 60, 17 * 60), (10 * 60, 17 * 60)),
    "TX": StateHours((9 * 60, 21 * 60), (9 * 60, 21 * 60), (12 * 60, 21 * 60)),
    "VA": FEDERAL,
}


def lawful(day: date, states: list[str], medium: str) -> Hours:
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


def public_holidays(year: int) -> set[date]:
    """The eleven federal holidays, with the weekday on which one that falls on a weekend is kept."""
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)]
    next_new_year = date(year + 1, 1, 1)
    kept = {_kept_on(day) for day in [*fixed, next_new_year]}
    moving = {
        _nth(year, 1, 0, 3),  # Martin Luther King Jr.
        _nth(year, 2, 0, 3),  # Washington
        _nth(year, 6, 0, 1) - timedelta(days=7),  # Memorial Day: the last Monday of May
        _nth(year, 9, 0, 1),  # Labor Day
        _nth(year, 10, 0, 2),  # Columbus
        _nth(year, 11, 3, 4),  # Thanksgiving
    }
    return {*fixed, *(day for day in kept if day.year == year), *moving}


def _kept_on(day: date) -> date:
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))
