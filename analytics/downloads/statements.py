"""The two statements of a download: which rows there are, and what the file says of some of them.

Rows are read by the ORM's own SQL, so that a column is a path; how a value is written is said around it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Model, QuerySet
from django.db.models.expressions import RawSQL

from analytics.downloads.columns import Column, Kind
from analytics.models import Download
from common import sql
from common.spreadsheets import harmless_sql

_KEYS = """
INSERT INTO analytics_downloadslice (download_id, position, keys)
SELECT %s, number, array_agg(key ORDER BY key DESC)
FROM (
    SELECT key, (row_number() OVER (ORDER BY key DESC) - 1) / %s AS number FROM ({rows}) AS found(key)
) numbered
GROUP BY number
"""
_SLICE = "SELECT unnest(keys) FROM analytics_downloadslice WHERE id = %s"
_EXCEL_EPOCH_DAYS = 25_569  # from 1899-12-30 to 1970-01-01

Statement = tuple[str, list[Any]]


def fix_keys(download: Download, rows: QuerySet[Any], per_slice: int) -> int:
    """Write down the keys of the rows, newest first, so many to a slice; how many rows there are."""
    query, params = rows.values_list("pk", flat=True).query.sql_with_params()
    sql.run(_KEYS.format(rows=query), [download.pk, per_slice, *params])
    total = "SELECT coalesce(sum(cardinality(keys)), 0) FROM analytics_downloadslice WHERE download_id = %s"
    return int(sql.value(total, [download.pk]))


def heads(columns: Sequence[Column], zone: ZoneInfo) -> list[str]:
    """The first line of a file."""
    return [head for column in columns for head in _heads(column, zone)]


def _heads(column: Column, zone: ZoneInfo) -> Iterator[str]:
    if column.kind is Kind.INSTANT:
        yield f"{column.label} ({zone.key})"
        yield f"{column.label} (UTC)"
    else:
        yield column.label


def as_csv(model: type[Model], columns: Sequence[Column], slice_id: int, zone: ZoneInfo) -> Statement:
    """COPY of one slice as CSV, newest first; texts are no formulas to a spreadsheet."""
    return _copy(model, columns, slice_id, zone, _csv, " (FORMAT csv)")


def as_cells(model: type[Model], columns: Sequence[Column], slice_id: int, zone: ZoneInfo) -> Statement:
    """COPY of one slice as text, for cells that know their kind: instants are days since Excel's epoch."""
    return _copy(model, columns, slice_id, zone, _cells, "")


def _copy(
    model: type[Model], columns: Sequence[Column], slice_id: int, zone: ZoneInfo,
    write: Callable[[str, Kind], list[str]], form: str,
) -> Statement:  # fmt: skip
    written = [text for number, column in enumerate(columns) for text in write(f"r.c{number}", column.kind)]
    inner, params = _rows(model, columns, slice_id)
    zones = [zone.key] * sum(column.kind is Kind.INSTANT for column in columns)
    return f"COPY (SELECT {', '.join(written)} FROM ({inner}) r) TO STDOUT{form}", [*zones, *params]


def _rows(model: type[Model], columns: Sequence[Column], slice_id: int) -> Statement:
    """The values of one slice's rows as `c0`, `c1` …, unwritten."""
    values: dict[str, Any] = {
        f"c{number}": F(column.value) if isinstance(column.value, str) else column.value
        for number, column in enumerate(columns)
    }
    rows = model._base_manager.filter(pk__in=RawSQL(_SLICE, [slice_id])).order_by("-pk")
    query, params = rows.annotate(**values).values_list(*values).query.sql_with_params()
    return query, list(params)


def _csv(value: str, kind: Kind) -> list[str]:
    if kind is Kind.INSTANT:
        return [
            f"date_trunc('second', {value} AT TIME ZONE %s)",
            f"to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        ]
    return [harmless_sql(value) if kind is Kind.TEXT else value]


def _cells(value: str, kind: Kind) -> list[str]:
    if kind is Kind.INSTANT:
        local = f"extract(epoch FROM date_trunc('second', {value} AT TIME ZONE %s))"
        return [
            f"({local} / 86400 + {_EXCEL_EPOCH_DAYS})::float8",
            f"to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        ]
    return [value]
