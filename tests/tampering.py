"""The hand of somebody who owns the tables: what keeps evidence stands aside while it is at work."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.models import Model


@contextmanager
def unguarded(model: type[Model]) -> Iterator[None]:
    """Rows of this evidence may be changed inside the block, as no product code can change them."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER evidence_never_changes")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER evidence_never_changes")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
