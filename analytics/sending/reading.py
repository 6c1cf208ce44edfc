"""Reading ranges from the counters: months, whole days, hours and minutes at the edges, and the tail.

So that a year costs as little as a day: at most twelve months, sixty days, forty-six hours and 118 minutes of
every counter, whatever is between. Nothing is rounded: the parts are exactly the range.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from analytics import counters
from analytics.sending.periods import DAY, day_start
from common import sql

Cell = tuple[int, str]  # campaign, column
HOUR = timedelta(hours=1)
_WANTED = 'campaign_id = any(%(campaigns)s) and ("column" = any(%(columns)s) or "column" like \'exits:%%\')'
_MONTHS = f"""
    select campaign_id, "column", n from analytics_countermonth
    where {_WANTED} and month >= %(first_month)s and month < %(last_month)s
"""
_DAYS = f"""
    select campaign_id, "column", n, day from analytics_counterday
    where {_WANTED} and (day >= %(first_day)s and day < %(first_month)s
                         or day >= %(last_month)s and day < %(last_day)s)
"""
_EDGES = f"""
    select campaign_id, "column", n, hour as at from analytics_counterhour
    where {_WANTED} and (hour >= %(a_first_hour)s and hour < %(a_last_hour)s
                         or hour >= %(b_first_hour)s and hour < %(b_last_hour)s)
    union all
    select campaign_id, "column", n, minute from analytics_counterminute
    where {_WANTED} and (minute >= %(a_start)s and minute < %(a_edge_end)s
                         or minute >= %(a_edge_start)s and minute < %(a_end)s
                         or minute >= %(b_start)s and minute < %(b_edge_end)s
                         or minute >= %(b_edge_start)s and minute < %(b_end)s)
    union all
    select campaign_id, "column", n, minute from analytics_counterdelta
    where {_WANTED} and minute >= %(start)s and minute < %(end)s
"""
_BETWEEN = f"""
select campaign_id, "column", sum(n)::bigint from (
    {_MONTHS}
    union all select campaign_id, "column", n from ({_DAYS}) days
    union all select campaign_id, "column", n from ({_EDGES}) edges
) counted group by 1, 2 having sum(n) <> 0
"""
_EVER = f"""
select campaign_id, "column", sum(n)::bigint from (
    select campaign_id, "column", n from analytics_countertotal where {_WANTED}
    union all select campaign_id, "column", n from analytics_counterdelta where {_WANTED}
) counted group by 1, 2 having sum(n) <> 0
"""
_BY_DAY = f"""
select "column", day, sum(n)::bigint from (
    select "column", n, day from ({_DAYS}) days
    union all select "column", n, (at at time zone %(zone)s)::date from ({_EDGES}) edges
) counted group by 1, 2 having sum(n) <> 0
"""
_HOURS = f"""
    select "column", n, hour as at from analytics_counterhour
    where {_WANTED} and hour >= %(first_hour)s and hour < %(last_hour)s
    union all
    select "column", n, minute from analytics_counterminute
    where {_WANTED} and (minute >= %(start)s and minute < %(edge_end)s
                        or minute >= %(edge_start)s and minute < %(end)s)
"""
_MINUTES = f"""
    select "column", n, minute as at from analytics_counterminute
    where {_WANTED} and minute >= %(start)s and minute < %(end)s
"""
_BY_HOUR = f"""
select "column", date_bin('1 hour', at, %(anchor)s) as hour, sum(n)::bigint from (
    {{cells}}
    union all
    select "column", n, minute from analytics_counterdelta
    where {_WANTED} and minute >= %(start)s and minute < %(end)s
) counted group by 1, 2 having sum(n) <> 0
"""
_FIRST = """
select least(
    (select min(month) from analytics_countermonth where campaign_id = any(%(campaigns)s)),
    (select min(minute at time zone %(zone)s)::date from analytics_counterdelta
     where campaign_id = any(%(campaigns)s)))
"""


@dataclass(frozen=True)
class Asked:
    """Of what to read: campaigns, and columns (exits by reason come with them)."""

    campaigns: Sequence[int]
    columns: Sequence[str]
    zone: ZoneInfo

    def values(self, **more: Any) -> dict[str, Any]:
        """What every statement here names."""
        named = {"campaigns": list(self.campaigns), "columns": list(self.columns), "zone": self.zone.key}
        return named | more


def ever(asked: Asked) -> Counter[Cell]:
    """Every column by campaign for all time."""
    return _cells(_EVER, asked.values())


def between(asked: Asked, start: datetime, end: datetime) -> Counter[Cell]:
    """Every column by campaign in [start, end), whole minutes."""
    return _cells(_BETWEEN, asked.values(**parts(start, end, asked.zone)))


def by_day(asked: Asked, start: datetime, end: datetime) -> Counter[tuple[str, date]]:
    """Every column of all campaigns together by day of company time in [start, end)."""
    bounds = parts(start, end, asked.zone)
    bounds |= {"first_month": bounds["last_day"], "last_month": bounds["last_day"]}  # each day by itself
    return Counter({(column, day): n for column, day, n in sql.rows(_BY_DAY, asked.values(**bounds))})


def by_hour(asked: Asked, start: datetime, end: datetime) -> Counter[tuple[str, datetime]]:
    """Every column of all campaigns together by hour in [start, end), named by the hour's first instant.

    Hours are those of the clock on the wall; where it stands off UTC by a broken hour, minutes are read.
    """
    anchor = hour_start(start, asked.zone)
    whole = counters.next_hour(anchor) == anchor
    statement = _BY_HOUR.format(cells=_HOURS if whole else _MINUTES)
    found = sql.rows(statement, asked.values(anchor=anchor, **counters.range_bounds(start, end)))
    return Counter({(column, hour.astimezone(UTC)): n for column, hour, n in found})


def first_day(asked: Asked) -> date | None:
    """A day on which, or before which in its month, these campaigns first counted anything."""
    found: date | None = sql.value(_FIRST, asked.values())
    return found


def hour_start(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the hour on the wall that holds `moment` began."""
    here = moment.astimezone(zone)
    return moment - timedelta(minutes=here.minute)


def parts(start: datetime, end: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """[start, end) as whole months, whole days before and after them, and two edges of less than a day."""
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    if day_start(first, zone) < start:
        first += DAY
    last = max(first, last)
    inner = min(end, day_start(first, zone))
    outer = max(inner, day_start(last, zone)) if last > first else inner
    first_month = first if first.day == 1 else (first.replace(day=1) + 31 * DAY).replace(day=1)
    last_month = last.replace(day=1)
    if first_month >= last_month:
        first_month = last_month = last
    edges = {
        f"{edge}_{name}": bound
        for edge, (since, until) in {"a": (start, inner), "b": (outer, end)}.items()
        for name, bound in counters.range_bounds(since, until).items()
    }
    return edges | {
        "start": start,
        "end": end,
        "first_day": first,
        "last_day": last,
        "first_month": first_month,
        "last_month": last_month,
    }


def _cells(statement: str, values: dict[str, Any]) -> Counter[Cell]:
    return Counter({(campaign, column): n for campaign, column, n in sql.rows(statement, values)})
