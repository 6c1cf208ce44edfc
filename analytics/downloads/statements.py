"""The two statements of a download: which rows there are, and what the file says of some of them.

Rows are read by the ORM's own SQL, so that a column is a path; how a value is written is said around it.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, F, Model, QuerySet
from django.db.models.expressions import RawSQL

from analytics.downloads.columns import Column, Kind
from analytics.models import Download
from common import sql
from common.spreadsheets import harmless_sql

# All keys are one array for a moment: 8 bytes each.
_KEYS = """
WITH found AS MATERIALIZED (SELECT array_agg(key ORDER BY key DESC) AS keys FROM ({rows}) AS behind(key))
INSERT INTO analytics_downloadslice (download_id, position, keys)
SELECT %s, number, keys[number * %s + 1 : (number + 1) * %s]
FROM found, generate_series(0, (cardinality(keys) - 1) / %s) number
"""
_SLICE = """
SELECT least, most, whole, CASE WHEN whole THEN '' ELSE keys::text END
FROM analytics_downloadslice, LATERAL (SELECT keys[cardinality(keys)] AS least, keys[1] AS most) ends,
     LATERAL (SELECT most - least + 1 = cardinality(keys) AS whole) dense
WHERE id = %s
"""
WITH_ROOM = "SET LOCAL work_mem = '32MB'"  # to join and sort a slice without files
_EXCEL_EPOCH_DAYS = 25_569  # from 1899-12-30 to 1970-01-01

Statement = tuple[str, list[Any]]


def fix_keys(download: Download, rows: QuerySet[Any], per_slice: int) -> int:
    """Write down the keys of the rows, newest first, so many to a slice; how many rows there are."""
    query, params = rows.values_list("pk", flat=True).query.sql_with_params()
    sql.run(_KEYS.format(rows=query), [*params, download.pk, per_slice, per_slice, per_slice])
    total = "SELECT coalesce(sum(cardinality(keys)), 0) FROM analytics_downloadslice WHERE download_id = %s"
    return int(sql.value(total, [download.pk]))


def values(columns: Sequence[Column]) -> dict[str, Any]:
    """What the columns read, as annotations `c0`, `c1` …"""
    return {
        f"c{number}": F(column.value) if isinstance(column.value, str) else column.value
        for number, column in enumerate(columns)
    }


def as_csv(model: type[Model], columns: Sequence[Column], slice_id: int) -> Statement:
    """COPY of one slice as CSV, newest first; texts are no formulas to a spreadsheet.

    Instants are written in the zone of the session.
    """
    said = [
        harmless_sql(f"r.c{number}") if column.kind is Kind.TEXT else f"r.c{number}"
        for number, column in enumerate(columns)
    ]
    inner, params = _rows(model, columns, slice_id)
    return f"COPY (SELECT {', '.join(said)} FROM ({inner}) r) TO STDOUT (FORMAT csv)", params


def as_cells(model: type[Model], columns: Sequence[Column], slice_id: int, zone: ZoneInfo) -> Statement:
    """COPY of one slice as text, for cells that know their kind: instants are days since Excel's epoch."""
    said = [text for number, column in enumerate(columns) for text in _cells(f"r.c{number}", column.kind)]
    inner, params = _rows(model, columns, slice_id)
    zones = [zone.key] * sum(column.kind is Kind.INSTANT for column in columns)
    return f"COPY (SELECT {', '.join(said)} FROM ({inner}) r) TO STDOUT", [*zones, *params]


def _rows(model: type[Model], columns: Sequence[Column], slice_id: int) -> Statement:
    """The values of one slice's rows as `c0`, `c1` …, unwritten."""
    # A range, and the keys themselves unless they are all there is in it: the planner knows how many.
    found = sql.rows(_SLICE, [slice_id])
    least, most, whole, keys = found[0] if found else (0, 0, True, "")
    rows = model._base_manager.filter(pk__gte=least, pk__lte=most).order_by("-pk")
    key = f'"{model._meta.db_table}"."{model._meta.pk.column}"'
    if not whole:
        rows = rows.filter(RawSQL(f"{key} = ANY(%s::bigint[])", [keys], output_field=BooleanField()))
    named = values(columns)
    query, params = rows.annotate(**named).values_list(*named).query.sql_with_params()
    return query, list(params)


def _cells(value: str, kind: Kind) -> list[str]:
    if kind is Kind.INSTANT:
        local = f"extract(epoch FROM date_trunc('second', {value} AT TIME ZONE %s))"
        return [
            f"({local} / 86400 + {_EXCEL_EPOCH_DAYS})::float8",
            f"to_char({value} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        ]
    return [value]
