"""Figures of a range of days, and the rows behind them: what campaigns did in it, by when they did it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from analytics import counters, rows
from analytics.metrics.definitions import CALL_KINDS, RANGE_METRICS, TEXT_KINDS, Metric
from common import sql

_READ = """
with campaign as materialized (
    select campaign.id, version.workflow_id
    from campaigns_campaign campaign
    join campaigns_workflowversion version on version.id = campaign.version_id
    where campaign.account_id = %(account)s
      and (%(only)s::bigint[] is null or campaign.id = any(%(only)s::bigint[]))
),
kind as materialized (
    select distinct on (version.workflow_id, node.key) version.workflow_id, node.key, node.kind
    from campaigns_workflowversion version
    join campaigns_node node on node.version_id = version.id
    where version.workflow_id in (select workflow_id from campaign)
    order by version.workflow_id, node.key, version.number desc
),
cell as (
    select campaign_id, node_key, "column", n from analytics_counterhour
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and hour >= %(first_hour)s and hour < %(last_hour)s
    union all
    select campaign_id, node_key, "column", n from analytics_counterminute
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and (minute >= %(start)s and minute < %(edge_end)s or minute >= %(edge_start)s and minute < %(end)s)
    union all
    select campaign_id, node_key, "column", n from analytics_counterdelta
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
      and minute >= %(start)s and minute < %(end)s
)
select coalesce(kind.kind, ''), cell."column", sum(cell.n)::bigint
from cell
join campaign on campaign.id = cell.campaign_id
left join kind on kind.workflow_id = campaign.workflow_id and kind.key = cell.node_key
group by 1, 2
"""
_KINDS: dict[str, tuple[str, ...]] = {"range_texts": TEXT_KINDS, "range_calls": CALL_KINDS}


@dataclass(frozen=True)
class Ranged:
    """One figure of a range."""

    metric: Metric
    n: int


def ranged(
    account: Account, start: datetime, end: datetime, only: Collection[int] | None = None
) -> list[Ranged]:
    """What the account’s campaigns, or `only` these, did in [start, end), both midnights. One query."""
    bounds = counters.range_bounds(start.astimezone(UTC), end.astimezone(UTC))
    columns = sorted({column for metric in RANGE_METRICS.values() for column in metric.columns})
    asked: dict[str, Any] = {"account": account.pk, "columns": columns, "only": _listed(only), **bounds}
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
        account, column, since=start.astimezone(UTC), until=end.astimezone(UTC),
        kinds=_KINDS.get(name), only=only,
    )  # fmt: skip


def _listed(only: Collection[int] | None) -> list[int] | None:
    return None if only is None else list(only)
