"""Figures of a range of days, and the rows behind them: what campaigns did in it, by when they did it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from analytics import counters, rows
from analytics.metrics.definitions import EMAIL_KINDS, RANGE_METRICS, TEXT_KINDS, Metric
from analytics.metrics.kinds import CAMPAIGN_AND_KIND
from analytics.sending import reading
from common import sql

# Months and days know the campaign, not the node. That is enough for all but the messages accepted, which are
# told apart by kind: where a workflow sends in one way only, its campaigns' days say it, else nodes' hours.
_READ = (
    CAMPAIGN_AND_KIND
    + """,
sends as materialized (
    select workflow_id, min(kind) as kind from kind where kind = any(%(kinds)s)
    group by workflow_id having count(distinct kind) = 1
),
mixed as materialized (
    select id from campaign where workflow_id not in (select workflow_id from sends)
),
cell as (
    select campaign_id, null as node_key, "column", n from analytics_countermonth
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and month >= %(first_month)s and month < %(last_month)s
      and ("column" <> 'accepted' or campaign_id not in (select id from mixed))
    union all
    select campaign_id, null, "column", n from analytics_counterday
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and (day >= %(first_day)s and day < %(first_month)s or day >= %(last_month)s and day < %(last_day)s)
      and ("column" <> 'accepted' or campaign_id not in (select id from mixed))
    union all
    select campaign_id, node_key, "column", n from analytics_counterhour
    where campaign_id in (select id from mixed) and "column" = 'accepted'
      and hour >= %(first_hour)s and hour < %(last_hour)s
    union all
    select campaign_id, node_key, "column", n from analytics_counterminute
    where campaign_id in (select id from mixed) and "column" = 'accepted'
      and (minute >= %(start)s and minute < %(edge_end)s or minute >= %(edge_start)s and minute < %(end)s)
    union all
    select campaign_id, node_key, "column", n from analytics_counterdelta
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and minute >= %(start)s and minute < %(end)s
)
select coalesce(kind.kind, case when cell.node_key is null then sends.kind end, ''), cell."column",
       sum(cell.n)::bigint
from cell
join campaign on campaign.id = cell.campaign_id
left join kind on kind.workflow_id = campaign.workflow_id and kind.key = cell.node_key
left join sends on sends.workflow_id = campaign.workflow_id
group by 1, 2
"""
)
_KINDS: dict[str, tuple[str, ...]] = {"range_texts": TEXT_KINDS}
_LISTS = {"call:accepted": "calls", "call:optouts": "call_optouts"}  # the list behind a counter's column


@dataclass(frozen=True)
class Ranged:
    """One figure of a range."""

    metric: Metric
    n: int


def ranged(
    account: Account, start: datetime, end: datetime, only: Collection[int] | None = None
) -> list[Ranged]:
    """What the account’s campaigns, or `only` these, did in [start, end), both midnights. One query."""
    begins, ends = start.astimezone(UTC), end.astimezone(UTC)
    bounds = reading.parts(begins, ends, account.zone) | counters.range_bounds(begins, ends)
    columns = sorted({column for metric in RANGE_METRICS.values() for column in metric.columns})
    asked: dict[str, Any] = {
        "account": account.pk, "columns": columns, "kinds": [*TEXT_KINDS, *EMAIL_KINDS],
        "only": _listed(only), **bounds,
    }  # fmt: skip
    counted = {(kind, column): int(n) for kind, column, n in sql.rows(_READ, asked)}
    return [
        Ranged(metric, sum(n for (kind, column), n in counted.items()
            if column in metric.columns and (name not in _KINDS or kind in _KINDS[name])))
        for name, metric in RANGE_METRICS.items()
    ]  # fmt: skip


def rows_behind_range(
    account: Account, name: str, start: datetime, end: datetime, only: Collection[int] | None = None
) -> QuerySet[Any]:
    """The rows that a figure of a range counts, exactly as many; raises `rows.UnknownColumn`."""
    if name not in RANGE_METRICS:
        raise rows.UnknownColumn(name)
    (column,) = RANGE_METRICS[name].columns
    return rows.behind_range(
        account, _LISTS.get(column, column), since=start.astimezone(UTC), until=end.astimezone(UTC),
        kinds=_KINDS.get(name), only=only,
    )  # fmt: skip


def _listed(only: Collection[int] | None) -> list[int] | None:
    return None if only is None else list(only)
