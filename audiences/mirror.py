"""ServiceTitan's rows into ours: one statement per table and page, and only rows that changed are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models


@dataclass(frozen=True, slots=True)
class Table:
    """How rows of one model are upserted. `key` are the columns of its unique constraint."""

    model: type[models.Model]
    key: tuple[str, ...]
    columns: tuple[str, ...]  # beside the key; compared, and overwritten
    only_new: tuple[str, ...] = ()  # written when the row is new, never changed
    newest: bool = True  # has source_modified_at: an older copy never overwrites a newer one


def upsert(table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert or update rows given by column; the ids of those that are new or differ.

    A repeated key within `rows` keeps its newest copy. Rows are written in key order, so that two writers
    of the same rows wait for each other and never deadlock.
    """
    unique: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[column] for column in table.key)
        if key not in unique or not table.newest or not _older(row, unique[key]):
            unique[key] = row
    if not unique:
        return []
    columns = [*table.key, *table.columns, *table.only_new, *(["source_modified_at"] if table.newest else [])]
    ordered = [unique[key] for key in sorted(unique)]
    name = table.model._meta.db_table
    values = ", ".join(f"%s::{_array_type(table.model, column)}" for column in columns)
    mine = ", ".join(f"t.{column}" for column in table.columns)
    theirs = ", ".join(f"EXCLUDED.{column}" for column in table.columns)
    settings = [f"{column} = EXCLUDED.{column}" for column in table.columns]
    guard = f"(ROW({mine}) IS DISTINCT FROM ROW({theirs}))"
    if table.newest:
        settings.append("source_modified_at = EXCLUDED.source_modified_at")
        guard += " AND (t.source_modified_at IS NULL OR EXCLUDED.source_modified_at >= t.source_modified_at)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {name} AS t ({', '.join(columns)}) SELECT * FROM unnest({values})"
            f" ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {', '.join(settings)} WHERE {guard}"
            " RETURNING id",
            [[row[column] for row in ordered] for column in columns],
        )
        return [found for (found,) in cursor.fetchall()]


def _older(row: dict[str, Any], than: dict[str, Any]) -> bool:
    mine, other = row["source_modified_at"], than["source_modified_at"]
    return mine is not None and other is not None and bool(mine < other)


def _array_type(model: type[models.Model], column: str) -> str:
    field = next(f for f in model._meta.concrete_fields if f.column == column)
    kind = "bigint" if isinstance(field, models.ForeignKey) else field.db_type(connection)
    # A varchar's length would cut silently in an array cast; the column itself refuses.
    return f"{(kind or 'text').split('(')[0]}[]"


def ids_by_key(
    model: type[models.Model], account_id: int, column: str, keys: Iterable[Any], *, fields: dict[str, Any]
) -> dict[Any, int]:
    """Our id by a natural key within an account; rows that are missing are inserted with `fields`.

    A value of `fields` may be a callable of the key. Locks nothing that exists.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    found = model._default_manager.filter(account_id=account_id, **{f"{column}__in": wanted})
    known = dict(found.values_list(column, "pk"))
    missing = [key for key in wanted if key not in known]
    if missing:
        made = [
            model(
                account_id=account_id,
                **{column: key},
                **{name: value(key) if callable(value) else value for name, value in fields.items()},
            )
            for key in missing
        ]
        model._default_manager.bulk_create(made, ignore_conflicts=True, batch_size=2000)
        again = model._default_manager.filter(account_id=account_id, **{f"{column}__in": missing})
        known |= dict(again.values_list(column, "pk"))
    return known
