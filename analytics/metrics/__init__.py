"""Every number of the product, defined once: its words, its columns, its figures.

Screens, files and the API read here. `analytics.rows` opens the rows behind each number. A group of numbers
has a module of its own in this package.
"""

from analytics.metrics.definitions import (
    CALL_KINDS,
    CAMPAIGN_METRICS,
    EMAIL_KINDS,
    NODE_METRICS,
    OPENED_METRICS,
    PART_METRICS,
    RANGE_METRICS,
    SPOKEN,
    STATES,
    TEXT_KINDS,
    TILE_METRICS,
    TODAY_METRICS,
    TOUCH_KINDS,
    Metric,
)
from analytics.metrics.nodes import NodeRow, booking_rate, node_rows, rows_behind
from analytics.metrics.ranged import Ranged, ranged, rows_behind_range
from analytics.metrics.rate import Rate
from analytics.metrics.tiles import Tiles, midnight, rows_behind_tile, tiles
from analytics.metrics.token import version_token

__all__ = [
    "CALL_KINDS",
    "CAMPAIGN_METRICS",
    "EMAIL_KINDS",
    "NODE_METRICS",
    "OPENED_METRICS",
    "PART_METRICS",
    "RANGE_METRICS",
    "SPOKEN",
    "STATES",
    "TEXT_KINDS",
    "TILE_METRICS",
    "TODAY_METRICS",
    "TOUCH_KINDS",
    "Metric",
    "NodeRow",
    "Ranged",
    "Rate",
    "Tiles",
    "booking_rate",
    "midnight",
    "node_rows",
    "ranged",
    "rows_behind",
    "rows_behind_range",
    "rows_behind_tile",
    "tiles",
    "version_token",
]
