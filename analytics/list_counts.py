"""How many rows a list behind a number has, from the counters, which are exact at every instant.

Read in one snapshot with the list (`counters.snapshot`), so that the two agree. None where no counter says
it: then the rows themselves are counted.
"""

from collections.abc import Mapping
from datetime import datetime

from accounts.models import Account
from analytics import counters, day_curve, fills, link_counts, metrics, number_counts, retention, scope
from campaigns.models import Campaign

_WHOLE = ("exits:", "excluded:")


def of_campaign(campaign: Campaign, node_key: str | None, column: str) -> int | None:
    """How many rows a number of a campaign opens, at all nodes or at one, less those that are deleted."""
    found = counters.totals([campaign.pk])
    if column in metrics.CAMPAIGN_METRICS or column.startswith(_WHOLE):
        cells = [("", column)]
    elif column in metrics.NODE_METRICS and not metrics.NODE_METRICS[column].over:
        names = metrics.NODE_METRICS[column].columns
        cells = [(key, name) for _, key, name in found if name in names and key and node_key in (None, key)]
    elif link := link_counts.link_of(campaign, column):
        cells = [(link.node_key, column)]
    elif column.startswith(f"{number_counts.SENT}:") and not fills.pending(number_counts.NAME):
        cells = [(key, name) for _, key, name in found if name == column]
    else:
        return None
    gone = retention.counted_before(campaign, cells)
    return sum(found[campaign.pk, key, name] for key, name in cells) - gone


def of_tile(account: Account, tile: str, asked: Mapping[str, str], now: datetime | None = None) -> int | None:
    """How many rows a figure of the dashboard opens; None, too, where details of old passages are gone."""
    if retention.gone_before(account) is not None:
        return None
    looked = scope.of(account, {name: asked.get(name, "") for name in ("from", "to", "unit")}, now)
    if tile in metrics.RANGE_METRICS:
        ranged = metrics.ranged(account, looked.start, looked.end, looked.campaigns)
        return next(each.n for each in ranged if each.metric.name == tile)
    if tile in metrics.TODAY_METRICS:
        day = day_curve.of_account(account, now, looked.campaigns)
        curve = next(each for each in day.curves if each.name == tile)
        if not asked.get("hour"):
            return curve.total
        return sum(hour.n for hour in curve.hours if hour.index == int(asked["hour"]))
    figures = metrics.tiles(account, now, looked.campaigns, rated=tile == "booking_rate")
    told = getattr(figures, tile, None)
    return told.part if isinstance(told, metrics.Rate) else told
