"""The tiles of the dashboard, and the rows behind them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Account
from analytics import counters, rows
from analytics.metrics.definitions import CALL_KINDS, TEXT_KINDS, TODAY_METRICS
from analytics.metrics.kinds import CAMPAIGN_AND_KIND
from analytics.metrics.rate import Rate
from common import clock


@dataclass(frozen=True)
class Tiles:
    """The figures of the dashboard, all of one snapshot; `day` is the account's own date."""

    day: str
    waiting_calls: int
    waiting_texts: int
    scheduled: int
    completed_today: int
    audience_count: int
    jobs_booked: int
    jobs_completed: int
    jobs_invoiced: int
    jobs_cancelled: int
    jobs_influenced: int
    revenue_cents: int
    influenced_cents: int
    jobs_pending: int
    booking_rate: Rate
    total_calls: int
    total_texts: int


def rows_behind_tile(
    account: Account,
    tile: str,
    now: datetime | None = None,
    hour: int | None = None,
    only: Collection[int] | None = None,
) -> QuerySet[Any]:
    """The rows that a tile of the dashboard counts, exactly as many; raises `rows.UnknownColumn`.

    `hour` narrows what today's curve counts to one hour: the so many hours after midnight, as time passed;
    `only` to these campaigns.
    """
    since = midnight(account, now).astimezone(UTC)
    until = midnight(account, since + timedelta(hours=36)).astimezone(UTC) if tile in TODAY_METRICS else None
    if hour is not None:
        if tile not in TODAY_METRICS or not 0 <= hour < 48:
            raise rows.UnknownColumn(f"{tile} in hour {hour}")
        since += timedelta(hours=hour)
        until = since + timedelta(hours=1)
    return rows.behind_tile(
        account, tile, text_kinds=TEXT_KINDS, call_kinds=CALL_KINDS, since=since, until=until, only=only
    )


_TILES = (
    CAMPAIGN_AND_KIND
    + """,
cell as (
    select campaign_id, node_key, "column", n as ever, 0 as today
    from analytics_countertotal
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
    union all
    select campaign_id, node_key, "column", n,
           case when "column" = 'completed' and minute >= %(start)s then n else 0 end
    from analytics_counterdelta
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
    union all
    select campaign_id, node_key, "column", 0, n from analytics_counterhour
    where campaign_id in (select id from campaign) and "column" = 'completed' and hour >= %(first_hour)s
    union all
    select campaign_id, node_key, "column", 0, n from analytics_counterminute
    where campaign_id in (select id from campaign) and "column" = 'completed'
      and minute >= %(start)s and minute < %(first_hour)s
)
select coalesce(kind.kind, ''), cell."column", sum(cell.ever)::bigint, sum(cell.today)::bigint
from cell
join campaign on campaign.id = cell.campaign_id
left join kind on kind.workflow_id = campaign.workflow_id and kind.key = cell.node_key
group by 1, 2
union all
select '', 'contacts_booked', count(distinct (credit.campaign_id, enrollment.contact_id)), 0
from analytics_jobcredit credit
join campaigns_enrollment enrollment on enrollment.id = credit.enrollment_id
where %(rated)s and credit.campaign_id in (select id from campaign)
union all
select '', 'pending', count(*), 0 from campaigns_booking booking
where account_id = %(account)s
  and (%(only)s::bigint[] is null or enrollment_id in (
    select id from campaigns_enrollment enrollment
    where enrollment.id = booking.enrollment_id and enrollment.campaign_id in (select id from campaign)))
  and state = any(array['requested', 'sent', 'accepted'])
  and servicetitan_job_id is null
"""
)


def tiles(
    account: Account,
    now: datetime | None = None,
    only: Collection[int] | None = None,
    *,
    rated: bool = True,
) -> Tiles:
    """The account's figures in one statement: each equals the sum of the columns it names at that instant.

    `only` narrows them to these campaigns. Without `rated` nobody is counted for the booking rate, which no
    counter holds and which takes longer than all the others together.
    """
    start = midnight(account, now)
    asked: dict[str, Any] = {
        "account": account.pk,
        "only": None if only is None else list(only),
        "rated": rated,
        "columns": _TILE_COLUMNS,
        "start": start,
        "first_hour": counters.next_hour(start),
    }
    ever: dict[tuple[str, str], int] = {}
    today: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TILES, asked)
        for kind, column, so_far, since_midnight in cursor.fetchall():
            ever[kind, column] = so_far
            today[kind] = today.get(kind, 0) + since_midnight

    def total(columns: Iterable[str], kinds: Iterable[str] | None = None) -> int:
        named = ((kind, n) for (kind, column), n in ever.items() if column in columns)
        return sum(n for kind, n in named if kinds is None or kind in kinds)

    audience = total(["audience"])
    return Tiles(
        day=f"{start:%Y-%m-%d}",
        waiting_calls=total(["queued", "waiting"], CALL_KINDS),
        waiting_texts=total(["queued", "waiting"], TEXT_KINDS),
        scheduled=total(["scheduled"]),
        completed_today=sum(today.get(kind, 0) for kind in TEXT_KINDS + CALL_KINDS),
        audience_count=audience,
        jobs_booked=total(["booked"]),
        jobs_completed=total(["job_completed"]),
        jobs_invoiced=total(["job_invoiced"]),
        jobs_cancelled=total(["job_cancelled"]),
        jobs_influenced=total(["influenced"]),
        revenue_cents=total(["revenue"]),
        influenced_cents=total(["influenced_revenue"]),
        jobs_pending=total(["pending"]),
        booking_rate=Rate(total(["contacts_booked"]), audience),
        total_calls=total(["call:accepted"]),
        total_texts=total(["accepted"], TEXT_KINDS),
    )


_TILE_COLUMNS = [
    "queued", "waiting", "scheduled", "completed", "audience", "accepted", "booked", "job_completed",
    "job_invoiced", "job_cancelled", "revenue", "influenced", "influenced_revenue", "call:accepted",
]  # fmt: skip


def midnight(account: Account, now: datetime | None = None) -> datetime:
    """The instant at which the account's present day began, in company time."""
    local = (now or clock.now()).astimezone(account.zone)
    return datetime.combine(local.date(), time.min, tzinfo=account.zone)
