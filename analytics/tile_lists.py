"""The lists behind figures of the dashboard, by what an address asks: for the page and for downloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from analytics import day_curve, metrics, rows, scope

PARAMS = ("hour", "from", "to", "unit")


@dataclass(frozen=True)
class TileList:
    """The rows, what they are called, and what narrows them, in words."""

    rows: QuerySet[Any]
    title: str
    meaning: str
    narrowed: str


def of(account: Account, tile: str, asked: Mapping[str, str], now: datetime | None = None) -> TileList:
    """The rows that a tile counts, or with `hour` what one hour of today's curve counts.

    Figures of a range have its days in `from` and `to`; `unit` narrows to campaigns aimed at a business unit.
    Raises `rows.UnknownColumn`, also for an hour that is none.
    """
    looked = scope.of(account, {name: asked.get(name, "") for name in ("from", "to", "unit")}, now)
    hour = _hour(asked.get("hour", ""))
    narrowed = []
    if tile in metrics.RANGE_METRICS:
        found = metrics.rows_behind_range(account, tile, looked.start, looked.end, looked.campaigns)
        narrowed.append(looked.words)
    else:
        found = metrics.rows_behind_tile(account, tile, now, hour, looked.campaigns)
    metric = metrics.OPENED_METRICS[tile]
    if hour is not None:
        narrowed.append(day_curve.label_of(account, hour, now))
    if looked.unit:
        narrowed.append(str(looked.unit))
    title = f"{metric.label} today" if tile in metrics.TODAY_METRICS else metric.label
    return TileList(found, title, metric.meaning, ", ".join(narrowed))


def _hour(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise rows.UnknownColumn(f"hour {text}")
    return int(text)
