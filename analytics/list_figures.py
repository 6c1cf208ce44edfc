"""What the list of campaigns shows of each, from the counters."""

from collections.abc import Sequence
from dataclasses import fields

from campaigns.figures import Figures
from common import sql

_COLUMNS = [field.name for field in fields(Figures)]
_READ = """
select campaign_id, "column", sum(n)
from (
    select campaign_id, "column", n from analytics_countertotal
    where campaign_id = any(%(campaigns)s) and "column" = any(%(columns)s)
    union all
    select campaign_id, "column", n from analytics_counterdelta
    where campaign_id = any(%(campaigns)s) and "column" = any(%(columns)s)
) counted
group by campaign_id, "column"
"""


def of(campaign_ids: Sequence[int]) -> dict[int, Figures]:
    """The figures of these campaigns over all their nodes, exact at the instant of reading."""
    found: dict[int, dict[str, int]] = {}
    for campaign, column, n in sql.rows(_READ, {"campaigns": list(campaign_ids), "columns": _COLUMNS}):
        found.setdefault(campaign, {})[column] = int(n)
    return {campaign: Figures(**columns) for campaign, columns in found.items()}
