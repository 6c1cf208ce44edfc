"""`analytics/sql/` is what the migrations have put into the database."""

from pathlib import Path

import pytest
from django.db import connection

SQL = Path(__file__).resolve().parents[2] / "analytics" / "sql"

INSTALLED = """
select 'function', pg_get_functiondef(p.oid) from pg_proc p
where p.pronamespace = current_schema()::regnamespace and p.proname like 'analytics\\_%%'
union all
select 'trigger', pg_get_triggerdef(t.oid) from pg_trigger t
where not t.tgisinternal and t.tgname like 'analytics\\_%%'
"""


def installed() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(INSTALLED, [])
        return set(cursor.fetchall())


@pytest.mark.django_db
def test_database_has_exactly_what_the_files_say() -> None:
    migrated = installed()
    assert len(migrated) >= 20
    with connection.cursor() as cursor:
        cursor.execute(
            "select format('drop function %s cascade', oid::regprocedure) from pg_proc"
            " where pronamespace = current_schema()::regnamespace and proname like 'analytics\\_%'"
        )
        for (drop,) in cursor.fetchall():
            cursor.execute(drop)
        assert installed() == set()
        for path in sorted(SQL.glob("*.sql")):
            cursor.execute(path.read_text())
    written = installed()
    assert migrated == written, "edit analytics/sql/ together with a new migration that loads the same text"
