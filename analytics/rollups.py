"""Totals, hours, days and months, made again from the minutes; and the minutes again from the rows.

Minutes are what deltas fold into first; all else is a sum of them. All of it may run while others write:
folding waits, and what is written meanwhile stays in the tail. When an account's zone changes, a trigger
makes its days and months anew in that same transaction (`sql/make_days.sql`).
"""

from collections.abc import Sequence

from django.db import transaction

from analytics import counters, recount
from common import sql

_FROM_MINUTES = (
    "delete from analytics_countertotal where campaign_id = %(campaign)s",
    "delete from analytics_counterhour where campaign_id = %(campaign)s",
    'insert into analytics_countertotal (campaign_id, node_key, "column", n)'
    ' select campaign_id, node_key, "column", sum(n) from analytics_counterminute'
    ' where campaign_id = %(campaign)s group by campaign_id, node_key, "column" having sum(n) <> 0',
    'insert into analytics_counterhour (campaign_id, node_key, "column", hour, n)'
    ' select campaign_id, node_key, "column",'
    " date_bin('1 hour', minute, timestamptz 'epoch') as hour, sum(n)"
    " from analytics_counterminute where campaign_id = %(campaign)s"
    ' group by campaign_id, node_key, "column", hour having sum(n) <> 0',
)
_CORRECT = f"""
    with compared as materialized ({recount.COMPARE})
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select campaign_id, node_key, "column", at, rows - counted
    from compared where level = 'minute' and rows <> counted
"""
_COUNTED = """
    select campaign_id from analytics_countertotal union select campaign_id from analytics_counterminute
    union select campaign_id from analytics_counterday order by 1
"""


def rebuild() -> int:
    """Make every total, hour, day and month again from the minutes, campaign by campaign; how many."""
    campaigns = sql.column(_COUNTED)
    for campaign in campaigns:
        with transaction.atomic():
            hold_folding()
            for statement in _FROM_MINUTES:
                sql.run(statement, {"campaign": campaign})
            make_days([campaign])
    return len(campaigns)


def correct() -> int:
    """Let every minute agree with the rows it counts, in one snapshot; how many minutes did not.

    Corrections are deltas like any others: writers and readers go on, and folding takes them into the
    rollups. Reads every row: seconds per million.
    """
    return sql.run(_CORRECT.format(**recount.ALL), {})


def make_days(campaign_ids: Sequence[int]) -> None:
    """Make days and months of these campaigns again from the minutes."""
    sql.run("select analytics_make_days(%s::bigint[])", [list(campaign_ids)])


def hold_folding() -> None:
    """Let `squash` wait until the transaction ends."""
    sql.run("select pg_advisory_xact_lock(%s)", [counters.SQUASH_LOCK])
