"""Today so far, hour by hour, beside the usual: texts accepted, replies and jobs booked.

Read from hour cells and the tail not yet folded. A day is the account's own, midnight to midnight, cut into
hours of passed time: 23 or 25 of them where clocks change. The usual is the mean of days with texts or calls.
"""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import Account
from analytics import counters, metrics
from analytics.metrics.kinds import CAMPAIGN_AND_KIND
from common import clock

USUAL_SECONDS = 600.0  # past days change no more, save for late news
LOOK_BACK_DAYS = 28
SAME_WEEKDAY_DAYS = 2  # fewer say too little about a weekday
MOST_DAYS = 7
HOUR = timedelta(hours=1)
PULSE_MINUTES = 10  # how finely the present moment is drawn: not every poll shall change the drawing

Counts = Counter[tuple[str, datetime]]  # metric, start of the hour (UTC)

_BY_HOUR = (
    CAMPAIGN_AND_KIND
    + """,
cell as (
    select campaign_id, node_key, "column", {at} as at, n from {table}
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and {at} >= %(start)s and {at} < %(end)s
    union all
    select campaign_id, node_key, "column", minute, n from analytics_counterdelta
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and minute >= %(start)s and minute < %(end)s
)
select cell."column", date_bin('1 hour', cell.at, %(start)s) as hour, sum(cell.n)::bigint
from cell
join campaign on campaign.id = cell.campaign_id
join kind on kind.workflow_id = campaign.workflow_id and kind.key = cell.node_key
where cell."column" <> 'accepted' or kind.kind = any(%(text_kinds)s)
group by 1, 2
"""
)
_HOURS = _BY_HOUR.format(table="analytics_counterhour", at="hour")
_MINUTES = _BY_HOUR.format(table="analytics_counterminute", at="minute")  # zones a half hour off


@dataclass(frozen=True)
class Hour:
    """One hour of the day; `usual` is None where there is nothing to compare with."""

    index: int  # hours passed since midnight
    label: str
    local: int  # hour of the clock
    begun: bool
    n: int
    so_far: int
    usual: float | None
    usual_so_far: float | None


@dataclass(frozen=True)
class Curve:
    """One figure through the day; `usual_now` is what is usual by this moment."""

    name: str
    label: str
    total: int
    usual_now: float | None
    hours: list[Hour]

    @property
    def usual_by_now(self) -> int | None:
        """What is usual by this moment, for people."""
        return None if self.usual_now is None else round(self.usual_now)


@dataclass(frozen=True)
class Day:
    """Today's curves. `compared` names the days of the usual; blank without any."""

    curves: list[Curve]
    compared: str
    passed: float  # hours since midnight, in steps of ten minutes

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.compared and not any(curve.total for curve in self.curves)

    @property
    def table(self) -> list[tuple[Hour, list[tuple[Curve, Hour]]]]:
        """Hours that have begun, from the first that counts anything, each with every curve's: the twin."""
        rows = [
            (hour, [(curve, curve.hours[hour.index]) for curve in self.curves])
            for hour in self.curves[0].hours
            if hour.begun
        ]
        busy = (i for i, (_, cells) in enumerate(rows) if any(cell.n or cell.usual for _, cell in cells))
        return rows[next(busy, len(rows) - 1) :]


@dataclass(frozen=True)
class Usual:
    """The mean of some earlier days by metric and hour of the clock."""

    compared: str
    means: dict[tuple[str, int], float]


Only = tuple[int, ...] | None  # the campaigns that count; None: all
# By account and campaigns: when read, of which day, what.
_kept: dict[tuple[int, Only], tuple[float, datetime, Usual | None]] = {}
_MOST_KEPT = 200


def of_account(account: Account, now: datetime | None = None, only: Only = None) -> Day:
    """Today's curves at `now`, of `only` these campaigns; the usual is read every ten minutes per process."""
    now = now or clock.now()
    midnight = metrics.midnight(account, now).astimezone(UTC)
    ends = next_midnight(account, now)
    counted = _counted(account, midnight, ends, only)
    usual = _usual_of_today(account, now, midnight, only)
    passed = (now - midnight) / HOUR
    passed = int(passed * 60 / PULSE_MINUTES) * PULSE_MINUTES / 60
    starts = [midnight + HOUR * i for i in range(round((ends - midnight) / HOUR))]
    curves = [
        _curve(account, metric, starts, counted, usual, passed) for metric in metrics.TODAY_METRICS.values()
    ]
    return Day(curves, usual.compared if usual else "", passed)


def next_midnight(account: Account, now: datetime) -> datetime:
    """The instant at which the account's present day ends, in UTC."""
    tomorrow = now.astimezone(account.zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, datetime.min.time(), tzinfo=account.zone).astimezone(UTC)


def label_of(account: Account, index: int, now: datetime | None = None) -> str:
    """What an hour of today is called: “9 am to 10 am”."""
    start = metrics.midnight(account, now).astimezone(UTC) + HOUR * index
    return " to ".join(_label(each.astimezone(account.zone), zone=False) for each in (start, start + HOUR))


def usual_before(account: Account, now: datetime, only: Only = None) -> Usual | None:
    """The mean of the same weekday in the last four weeks, else of the last days with texts or calls."""
    today = now.astimezone(account.zone).date()
    first = datetime.combine(
        today - timedelta(days=LOOK_BACK_DAYS), datetime.min.time(), tzinfo=account.zone
    ).astimezone(UTC)
    counted = _counted(account, first, metrics.midnight(account, now).astimezone(UTC), only)
    local = {key: key[1].astimezone(account.zone) for key in counted}
    busy = {
        name: {local[key].date() for key, n in counted.items() if key[0] == name and n > 0}
        for name in ("texts_today", "calls_today")
    }
    days, compared = _comparable(today, busy["texts_today"], busy["calls_today"])
    if not days:
        return None
    sums: Counter[tuple[str, int]] = Counter()
    for key, n in counted.items():
        if local[key].date() in days:
            sums[key[0], local[key].hour] += n
    return Usual(compared, {key: n / len(days) for key, n in sums.items()})


def _comparable(today: date, texts: set[date], calls: set[date]) -> tuple[list[date], str]:
    latest_first = sorted(texts | calls, reverse=True)
    same = [day for day in latest_first if day.weekday() == today.weekday()]
    if len(same) >= SAME_WEEKDAY_DAYS:
        return same, f"the last {len(same)} {today:%A}s with {_what(same, texts)}"
    days = latest_first[:MOST_DAYS]
    many = "day" if len(days) == 1 else f"{len(days)} days"
    return days, f"the last {many} with {_what(days, texts)}"


def _what(days: list[date], texts: set[date]) -> str:
    """What went out on these days."""
    if texts.issuperset(days):
        return "texts"
    return "texts or calls" if texts.intersection(days) else "calls"


def _usual_of_today(account: Account, now: datetime, midnight: datetime, only: Only) -> Usual | None:
    at, day, known = _kept.get((account.pk, only), (0.0, None, None))
    if day == midnight and time.monotonic() - at < USUAL_SECONDS:
        return known
    fresh = usual_before(account, now, only)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[account.pk, only] = (time.monotonic(), midnight, fresh)
    return fresh


def _curve(
    account: Account,
    metric: metrics.Metric,
    starts: list[datetime],
    counted: Counts,
    usual: Usual | None,
    passed: float,
) -> Curve:
    clocks = [start.astimezone(account.zone) for start in starts]
    twice = {hour for hour, n in Counter(each.hour for each in clocks).items() if n > 1}
    hours: list[Hour] = []
    so_far = 0
    for i, (start, here) in enumerate(zip(starts, clocks, strict=True)):
        n = counted[metric.name, start]
        so_far += n
        mean = usual.means.get((metric.name, here.hour), 0.0) if usual else None
        until = _usual_until(usual, metric.name, here.hour) if usual else None
        label = _label(here, zone=here.hour in twice)
        hours.append(Hour(i, label, here.hour, i <= passed, n, so_far, mean, until))
    return Curve(metric.name, metric.label, so_far, _usual_now(hours, passed) if usual else None, hours)


def _usual_until(usual: Usual, name: str, hour: int) -> float:
    """What is usual by the end of this hour of the clock."""
    return sum(n for (metric, each), n in usual.means.items() if metric == name and each <= hour)


def _usual_now(hours: list[Hour], passed: float) -> float:
    whole = min(int(passed), len(hours) - 1)
    before = (hours[whole].usual_so_far or 0.0) - (hours[whole].usual or 0.0)
    return before + (hours[whole].usual or 0.0) * (passed - whole)


def _label(here: datetime, *, zone: bool) -> str:
    return f"{here.hour % 12 or 12} {'am' if here.hour < 12 else 'pm'}{f' {here:%Z}' if zone else ''}"


def _counted(account: Account, start: datetime, end: datetime, only: Only) -> Counts:
    """By metric and hour what the account's campaigns counted in [start, end), both midnights of its own."""
    names = {metric.columns[0]: metric.name for metric in metrics.TODAY_METRICS.values()}
    asked: dict[str, Any] = {
        "account": account.pk,
        "only": None if only is None else list(only),
        "columns": list(names),
        "text_kinds": list(metrics.TEXT_KINDS),
        "start": start,
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HOURS if counters.next_hour(start) == start else _MINUTES, asked)
        rows = cursor.fetchall()
    return Counter({(names[column], hour.astimezone(UTC)): int(n) for column, hour, n in rows})
