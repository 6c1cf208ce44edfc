"""New rows with ids drawn beforehand, by COPY: half the work of INSERT … ON CONFLICT … RETURNING."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction

from common import sql


def draw(table: str, count: int) -> list[int]:
    """That many ids of a table."""
    return sql.column(
        "SELECT nextval(s.name) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS name OFFSET 0) s"
        " CROSS JOIN generate_series(1, %s)",
        [table, count],
    )


def insert(table: str, columns: str, rows: Sequence[Sequence[Any]]) -> list[int] | None:
    """Ids of these new rows, in order; None, and nothing written, where somebody else has just made one."""
    ids = draw(table, len(rows))
    try:
        with transaction.atomic():
            sql.copy(
                f"COPY {table} (id, {columns}) FROM STDIN",
                [(pk, *row) for pk, row in zip(ids, rows, strict=True)],
            )
    except IntegrityError:
        return None
    return ids
