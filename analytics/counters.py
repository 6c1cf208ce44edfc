"""Counters as facts: signed deltas are written by triggers (`sql/`), folded here, and read together here.

A reading is totals (or cells) plus the tail of deltas not yet folded, in one statement, so that it is exact
at any instant, whether or not `squash` runs at that moment.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

SQUASH_ROWS = 20_000
SQUASH_LOCK = 7_340_001  # one number in the database's space of advisory locks
# Columns that a row passes through on its way have no day and month cells: nobody asks how many rows that are
# scheduled now have been so since a Tuesday in May, and they are most of what is folded.
PASSING = ("scheduled", "queued", "waiting", "active", "entered")

Cell = tuple[int, str, str]  # campaign, node key ("" for the campaign as a whole), column

_FOLD = """
with claimed as (
    delete from analytics_counterdelta delta
    using (select id from analytics_counterdelta order by id limit %(limit)s) oldest
    where delta.id = oldest.id
    returning delta.campaign_id, delta.node_key, delta."column", delta.minute, delta.n
),
by_minute as materialized (
    select campaign_id, node_key, "column", minute, sum(n) as n
    from claimed group by campaign_id, node_key, "column", minute having sum(n) <> 0
),
total as (
    insert into analytics_countertotal as kept (campaign_id, node_key, "column", n)
    select campaign_id, node_key, "column", sum(n)
    from by_minute group by campaign_id, node_key, "column" having sum(n) <> 0
    on conflict (campaign_id, node_key, "column") do update set n = kept.n + excluded.n
    returning id, n
),
minute_cell as (
    insert into analytics_counterminute as kept (campaign_id, node_key, "column", minute, n)
    select campaign_id, node_key, "column", minute, n from by_minute
    on conflict (campaign_id, node_key, "column", minute) do update set n = kept.n + excluded.n
    returning id, n
),
hour_cell as (
    insert into analytics_counterhour as kept (campaign_id, node_key, "column", hour, n)
    select campaign_id, node_key, "column", date_bin('1 hour', minute, timestamptz 'epoch') as hour, sum(n)
    from by_minute group by campaign_id, node_key, "column", hour having sum(n) <> 0
    on conflict (campaign_id, node_key, "column", hour) do update set n = kept.n + excluded.n
    returning id, n
),
by_day as materialized (
    select kept.campaign_id, (kept.minute at time zone coalesce(account.timezone, 'UTC'))::date as day,
           kept."column", sum(kept.n) as n
    from by_minute kept
    left join campaigns_campaign campaign on campaign.id = kept.campaign_id
    left join accounts_account account on account.id = campaign.account_id
    where kept."column" <> all(%(passing)s)
    group by kept.campaign_id, day, kept."column" having sum(kept.n) <> 0
),
day_cell as (
    insert into analytics_counterday as kept (campaign_id, day, "column", n)
    select campaign_id, day, "column", n from by_day
    on conflict (campaign_id, day, "column") do update set n = kept.n + excluded.n
    returning id, n
),
month_cell as (
    insert into analytics_countermonth as kept (campaign_id, month, "column", n)
    select campaign_id, date_trunc('month', day)::date as month, "column", sum(n)
    from by_day group by campaign_id, month, "column" having sum(n) <> 0
    on conflict (campaign_id, month, "column") do update set n = kept.n + excluded.n
    returning id, n
)
select (select count(*) from claimed),
       array(select id from total where n = 0),
       array(select id from minute_cell where n = 0),
       array(select id from hour_cell where n = 0),
       array(select id from day_cell where n = 0),
       array(select id from month_cell where n = 0)
"""

_TOTALS = """
select campaign_id, node_key, "column", sum(n)
from (
    select campaign_id, node_key, "column", n from analytics_countertotal
    where campaign_id = any(%(campaigns)s)
    union all
    select campaign_id, node_key, "column", n from analytics_counterdelta
    where campaign_id = any(%(campaigns)s)
) counted
group by campaign_id, node_key, "column"
having sum(n) <> 0
"""

_RANGE = """
select campaign_id, node_key, "column", sum(n)
from (
    select campaign_id, node_key, "column", n from analytics_counterhour
    where campaign_id = any(%(campaigns)s) and hour >= %(first_hour)s and hour < %(last_hour)s
    union all
    select campaign_id, node_key, "column", n from analytics_counterminute
    where campaign_id = any(%(campaigns)s)
      and (minute >= %(start)s and minute < %(edge_end)s or minute >= %(edge_start)s and minute < %(end)s)
    union all
    select campaign_id, node_key, "column", n from analytics_counterdelta
    where campaign_id = any(%(campaigns)s) and minute >= %(start)s and minute < %(end)s
) counted
group by campaign_id, node_key, "column"
having sum(n) <> 0
"""


def squash(limit: int = SQUASH_ROWS) -> int:
    """Fold at most `limit` deltas, oldest first, into totals and cells; return how many.

    One transaction under an advisory lock: if another squash runs, nothing is done and 0 returned. Cells
    that reach zero are deleted. Call again while it returns `limit`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [SQUASH_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_FOLD, {"limit": limit, "passing": list(PASSING)})
        claimed, *emptied = cursor.fetchone()
        for table, ids in zip(("total", "minute", "hour", "day", "month"), emptied, strict=True):
            if ids:
                cursor.execute(f"delete from analytics_counter{table} where id = any(%s)", [ids])
        return int(claimed)


@contextmanager
def snapshot() -> Iterator[None]:
    """Let everything read inside agree: one read-only, repeatable-read transaction, to be kept short.

    Inside an outer transaction it changes nothing: its statements then see what that one sees.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
        yield


def totals(campaign_ids: Iterable[int]) -> Counter[Cell]:
    """Every counter of these campaigns for all time, exact at the instant of reading; zeros are absent."""
    return _read(_TOTALS, {"campaigns": list(campaign_ids)})


def between(campaign_ids: Iterable[int], start: datetime, end: datetime) -> Counter[Cell]:
    """What these campaigns counted in [start, end), both whole minutes: hour cells, and minutes at the edges.

    Raises ValueError for a bound inside a minute; nothing is ever rounded to the hour.
    """
    return _read(_RANGE, {"campaigns": list(campaign_ids), **range_bounds(start, end)})


def range_bounds(start: datetime, end: datetime) -> dict[str, datetime]:
    """The parts of [start, end): whole hours (of UTC) between, and minutes before and after them."""
    for bound in (start, end):
        if bound.second or bound.microsecond:
            raise ValueError(f"{bound} is not a whole minute")
    first_hour = next_hour(start)
    last_hour = _hour(end)
    if first_hour >= last_hour:  # no whole hour inside: minutes alone
        return {
            "start": start,
            "edge_end": end,
            "first_hour": end,
            "last_hour": end,
            "edge_start": end,
            "end": end,
        }
    return {
        "start": start,
        "edge_end": first_hour,
        "first_hour": first_hour,
        "last_hour": last_hour,
        "edge_start": last_hour,
        "end": end,
    }


def next_hour(at: datetime) -> datetime:
    """The first UTC hour that does not begin before the whole minute `at`."""
    return _hour(at + timedelta(minutes=59))


def _hour(at: datetime) -> datetime:
    """The start of the UTC hour that holds `at`, whatever half-hour zone `at` is written in."""
    seconds = int(at.timestamp())
    return at + timedelta(seconds=seconds // 3600 * 3600 - at.timestamp())


def _read(sql: str, parameters: dict[str, Any]) -> Counter[Cell]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return Counter({(campaign, key, column): int(n) for campaign, key, column, n in cursor.fetchall()})
