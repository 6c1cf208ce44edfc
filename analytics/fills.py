"""Counting the past of columns that a release began to count while the product ran.

Each change counts itself since the migration that asked for it (a `CounterFill`). What was before is counted
campaign by campaign, once every transaction older than that migration is over.
"""

from collections.abc import Callable

from analytics.models import CounterFill
from campaigns.models import Campaign
from common import sql

_OLDER_ARE_OVER = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric > %s"


def pending(name: str) -> bool:
    """Whether the past is still being counted: until then these figures fall short."""
    return CounterFill.objects.filter(name=name).exists()


def fill_next(name: str, count: Callable[[int], None]) -> bool:
    """Let `count` count the past of the next campaign, by its id; whether there may be another.

    The campaign is noted last: after a kill it is counted once more, so `count` may be called twice.
    """
    fill = CounterFill.objects.filter(name=name).first()
    if fill is None or not sql.value(_OLDER_ARE_OVER, [fill.since]):
        return False
    campaign = Campaign.objects.filter(pk__gt=fill.cursor).order_by("pk").values_list("pk", flat=True).first()
    if campaign is None:
        fill.delete()
        return False
    count(campaign)
    CounterFill.objects.filter(pk=fill.pk).update(cursor=campaign)
    return True
