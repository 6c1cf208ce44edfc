"""What takes as long as a test likes, on a machine of any speed."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def kept_busy(table: str) -> Iterator[None]:
    """Whoever reads the table waits, for as long as the block goes on. Needs committed rows."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(f"BEGIN; LOCK TABLE {table}")
            yield
            cursor.execute("ROLLBACK")
    finally:
        other.close()
