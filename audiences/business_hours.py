"""When an account's office is open, in its own time zone, and the nights between.

A night is whatever lies between two business hours: an evening, a weekend, a closed day.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import Account
from audiences import hours
from audiences.models import BusinessDay, ClosedDay

_BACK, _AHEAD = timedelta(days=15), timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Night:
    """A stretch without business hours: [closed_at, opens_at). `closed_at` is at most 15 days ago."""

    closed_at: datetime
    opens_at: datetime


def night(account: Account, now: datetime) -> Night | None:
    """The night that `now` lies in; None while the office is open or its hours are not known. Two queries."""
    spans = open_spans(account, first=(now - _BACK).date(), last=(now + _AHEAD).date())
    if not spans or any(opens <= now < closes for opens, closes in spans):
        return None
    opens_at = next((opens for opens, _ in spans if opens > now), None)
    closed_at = max((closes for _, closes in spans if closes <= now), default=now - _BACK)
    return Night(closed_at, opens_at) if opens_at is not None else None


def open_spans(account: Account, *, first: date, last: date) -> list[hours.Span]:
    """The business hours of these local days as instants; what touches is one."""
    weekdays = {
        row.weekday: (row.opens_minute, row.closes_minute)
        for row in BusinessDay.objects.filter(account=account)
    }
    if not weekdays:
        return []
    closed = ClosedDay.objects.filter(account=account, day__range=(first, last))
    closed_days = set(closed.values_list("day", flat=True))
    zone = ZoneInfo(account.timezone)
    found: list[hours.Span] = []
    for ahead in range((last - first).days + 1):
        day = first + timedelta(days=ahead)
        minutes = weekdays.get(day.weekday())
        if minutes is None or day in closed_days:
            continue
        opens, closes = (hours.instant(zone, day, minute) for minute in minutes)
        if opens >= closes:
            continue  # the clocks jumped over it
        if found and found[-1][1] == opens:
            found[-1] = (found[-1][0], closes)
        else:
            found.append((opens, closes))
    return found


def opening_words(opens_at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """When the office opens, for a customer: “Monday 8:00 AM”, with its date where it is a week off."""
    local = opens_at.astimezone(zone)
    hour = f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"
    if (local.date() - now.astimezone(zone).date()).days < 7:
        return f"{local:%A} {hour}"
    return f"{local:%A}, {local:%B} {local.day}, {hour}"
