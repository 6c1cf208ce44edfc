"""The lists behind “scheduled”, read along the engine's index of what is due: node by node, soonest first.

In the order of passages, as other lists of steps are, finding the few that are scheduled among all that were
ever at a node may mean reading all of them. The counters say at which nodes there are any: nodes where
thousands wait for a timer, which the index holds, too, are passed over.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from campaigns.models import Campaign
from campaigns.scheduling import LIVE_VERSIONS
from common import sql

SCHEDULED = "scheduled"
_NODES = f"""
with counted as (
    select campaign_id, node_key, sum(n) from (
        select campaign_id, node_key, n from analytics_countertotal
        where campaign_id = any(%(campaigns)s) and "column" = 'scheduled'
        union all
        select campaign_id, node_key, n from analytics_counterdelta
        where campaign_id = any(%(campaigns)s) and "column" = 'scheduled'
    ) cell
    group by campaign_id, node_key having sum(n) > 0
)
select c.id, n.id from counted
join campaigns_campaign c on c.id = counted.campaign_id
cross join lateral ({LIVE_VERSIONS}) v
join campaigns_node n on n.version_id = v.id and n.key = counted.node_key
"""


def of_campaign(campaign: Campaign) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    """How the list of a campaign, at all nodes or at one, is read; in the snapshot in which it is counted."""
    return lambda found: _narrowed(found, [campaign.pk]).order_by("node", "due_at", "pk")


def of_account(account_id: int) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    """How that of an account's campaigns is, or of some of them: campaign by campaign."""

    def read(found: QuerySet[Any]) -> QuerySet[Any]:
        ids = Campaign.objects.filter(account=account_id).order_by().values_list("pk", flat=True)
        return _narrowed(found, list(ids)).order_by("campaign", "node", "due_at", "pk")

    return read


def _narrowed(found: QuerySet[Any], campaigns: list[int]) -> QuerySet[Any]:
    """The same rows: whatever is scheduled is due at some time."""
    places = sql.rows(_NODES, {"campaigns": campaigns})
    return found.filter(
        campaign__in={campaign for campaign, _ in places},
        node__in={node for _, node in places},
        due_at__isnull=False,
    )
