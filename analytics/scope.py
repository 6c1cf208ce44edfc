"""What the dashboard looks at: a range of whole days in company time, and a business unit.

Both stand in the address; a person's last choice is kept in their session, so that it is there again when
they come back.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from accounts.models import Account, BusinessUnit
from campaigns import units
from common import clock

KEPT = "dashboard"  # in the session
RANGES = {"today": "Today", "7d": "7 days", "30d": "30 days", "90d": "90 days", "year": "Year"}
DAYS = {"today": 1, "7d": 7, "30d": 30, "90d": 90, "year": 365}
OWN, FIRST = "own", "7d"
LONGEST_DAYS = 3 * 366
NAMES = ("range", "from", "to", "unit")


@dataclass(frozen=True)
class Scope:
    """Days from `first` to `last`, both included, and the campaigns that count: None for all."""

    range: str
    first: date
    last: date
    start: datetime  # the midnight at which the first day begins
    end: datetime  # the midnight at which the last day ends
    unit: BusinessUnit | None = None
    campaigns: tuple[int, ...] | None = None
    wrong: str = ""  # why the dates that were asked for are not shown

    @property
    def asked(self) -> dict[str, str]:
        """What an address says of it; nothing for what is shown without being asked for."""
        found = {} if self.range == FIRST else {"range": self.range}
        if self.range == OWN:
            found |= {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return found | ({"unit": str(self.unit.pk)} if self.unit else {})

    @property
    def query(self) -> str:
        """The end of an address, with its question mark, or nothing."""
        return f"?{urlencode(self.asked)}" if self.asked else ""

    @property
    def rows_query(self) -> str:
        """What lists behind the figures of the range are asked with: days that stay, whatever today is."""
        days = {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return "?" + urlencode(days | ({"unit": str(self.unit.pk)} if self.unit else {}))

    @property
    def unit_query(self) -> str:
        """What lists behind the other figures are asked with."""
        return f"?{urlencode({'unit': self.unit.pk})}" if self.unit else ""

    @property
    def words(self) -> str:
        """“the last 7 days”, or the days."""
        if self.range == "today":
            return "today"
        if self.range in DAYS:
            return f"the last {DAYS[self.range]} days"
        if self.first == self.last:
            return _day(self.first)
        return f"{_day(self.first)} to {_day(self.last)}"


def of(account: Account, asked: Mapping[str, str], now: datetime | None = None) -> Scope:
    """What an address asks for; nonsense is the last 7 days, and says why. Another account's unit is none."""
    today = (now or clock.now()).astimezone(account.zone).date()
    chosen = asked.get("range", "")
    wrong = ""
    if chosen == OWN or (not chosen and asked.get("from")):
        first, last, wrong = _own(asked.get("from", ""), asked.get("to", ""), today)
        chosen = FIRST if wrong else OWN
    if chosen not in DAYS and chosen != OWN:
        chosen = FIRST
    if chosen in DAYS:
        first, last = today - timedelta(days=DAYS[chosen] - 1), today
    start, end = _midnight(account, first), _midnight(account, last + timedelta(days=1))
    return _aimed(Scope(chosen, first, last, start, end, wrong=wrong), account, asked.get("unit", ""))


def _aimed(scope: Scope, account: Account, unit: str) -> Scope:
    if not (unit.isascii() and unit.isdigit() and len(unit) < 19):
        return scope
    found = BusinessUnit.objects.filter(account=account, pk=int(unit)).first()
    if found is None:
        return scope
    return replace(scope, unit=found, campaigns=tuple(units.aimed_at(account, found.pk)))


def _own(first: str, last: str, today: date) -> tuple[date, date, str]:
    try:
        begins, ends = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return today, today, "Choose a first and a last day. Shown are the last 7 days."
    if ends < begins:
        return today, today, "The last day lies before the first. Shown are the last 7 days."
    if (ends - begins).days >= LONGEST_DAYS or not 2000 <= begins.year <= ends.year < 2200:
        return today, today, "At most three years can be shown at once. Shown are the last 7 days."
    return begins, ends, ""


def remembered(session: MutableMapping[str, Any], asked: Mapping[str, str]) -> dict[str, str]:
    """What to look at: what the address says, which is kept from now on, else what was kept.

    Not for timers: of two windows that look at different things none would ever be right.
    """
    said = {name: asked[name][:20] for name in NAMES if asked.get(name)}
    if any(name in asked for name in NAMES):
        if session.get(KEPT, {}) != said:
            session[KEPT] = said
        return said
    return dict(session.get(KEPT, {}))


def _midnight(account: Account, day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=account.zone)


def _day(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"
