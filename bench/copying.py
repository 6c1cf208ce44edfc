"""The yardstick of whatever writes rows: the same rows once more, by one INSERT … SELECT a table."""

import time
from collections.abc import Sequence

from django.db import connection


def copied(tables: Sequence[str]) -> float:
    """Seconds that the finished rows of these tables take once more, into tables of the same shape."""
    written = 0
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA copied")
        for table in tables:
            cursor.execute(f"CREATE TABLE copied.{table} (LIKE {table} INCLUDING ALL)")
        cursor.execute("CHECKPOINT")
        began = time.perf_counter()
        for table in tables:
            cursor.execute(f"INSERT INTO copied.{table} OVERRIDING SYSTEM VALUE SELECT * FROM {table}")
            written += cursor.rowcount
        seconds = time.perf_counter() - began
        cursor.execute("DROP SCHEMA copied CASCADE")
    if not written:
        raise SystemExit("the baseline wrote nothing")
    return seconds
