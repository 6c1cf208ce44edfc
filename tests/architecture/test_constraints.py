"""What the models declare stands in the database: a migration may drop more than it says."""

import pytest
from django.apps import apps

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
