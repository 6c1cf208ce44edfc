"""What the models declare stands in the database: a migration may drop more than it says."""

import re

import pytest
from django.apps import apps

from analytics import retention
from common import sql

NAMES = """
SELECT relname FROM pg_class WHERE relkind IN ('i', 'I') UNION SELECT conname FROM pg_constraint
"""


@pytest.mark.django_db
def test_every_declared_constraint_and_index_exists() -> None:
    there = set(sql.column(NAMES))
    declared = {
        declaration.name
        for model in apps.get_models()
        for declaration in [*model._meta.constraints, *model._meta.indexes]
        if model._meta.managed
    }
    assert declared - there == set()


UNINDEXED = """
SELECT k.conrelid::regclass || '.' || a.attname
FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.contype = 'f' AND k.confrelid::regclass::text = ANY(%s) AND NOT EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indkey[0] = a.attnum
    AND coalesce(pg_get_expr(i.indpred, i.indrelid), '') IN ('', format('(%%I IS NOT NULL)', a.attname)))
"""


@pytest.mark.django_db
def test_what_names_a_row_that_is_deleted_at_night_is_found_by_an_index() -> None:
    """Each deleted row asks every table that may name it; without an index it would be read as a whole."""
    gone = {found[1] for said in retention._DELETE if (found := re.match(r"DELETE FROM (\w+)", said))}
    assert len(gone) == 12
    assert sql.column(UNINDEXED, [sorted(gone)]) == []
