"""New migrations let a running system run: see `migration_rules`."""

from typing import Any

import pytest
from django.contrib.postgres import operations as postgres
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader

from tests.architecture.migration_rules import problems

pytestmark = pytest.mark.django_db
# The last migration of each app that no system with many rows has ever had to live through.
FREE_UNTIL = {
    "accounts": 5, "analytics": 5, "audiences": 16, "campaigns": 12, "conversations": 12, "integrations": 3,
}  # fmt: skip
# What may stand all the same, each with its reason.
ACCEPTED: dict[str, str] = {}


def test_new_migrations_let_a_running_system_run() -> None:
    loader = MigrationLoader(connection)
    new = [key for key in loader.graph.nodes if int(key[1][:4]) > FREE_UNTIL.get(key[0], 9999)]
    found = [
        what
        for key in sorted(new)
        for what in problems(loader.get_migration(*key), loader.project_state(key, at_end=False))
    ]
    assert [what for what in found if what not in ACCEPTED] == []


def made(operation: Any, *, atomic: bool = True, app: str = "campaigns") -> list[str]:
    """What the rules say of a migration with this operation alone."""
    loader = MigrationLoader(connection)
    migration = migrations.Migration("9999_made_up", app)
    migration.operations, migration.atomic = [operation], atomic
    return problems(migration, loader.project_state())


INDEX = models.Index(fields=["state_at"], name="made_up")
CHECK = models.CheckConstraint(condition=models.Q(pass_number__gt=0), name="made_up")
UNIQUE = models.UniqueConstraint(fields=["state_at"], name="made_up")
NUMBER = models.IntegerField(default=1)


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddIndex("step", INDEX),
        migrations.RemoveIndex("step", "step_due_queue"),
        postgres.AddIndexConcurrently("step", INDEX),  # in a transaction
        migrations.AddConstraint("step", CHECK),
        migrations.AddConstraint("step", UNIQUE),
        migrations.AddField("step", "weight", NUMBER),
        migrations.AddField("step", "weight", models.IntegerField(null=True, db_index=True)),
        migrations.AddField(
            "step", "late", models.GeneratedField(
                expression=models.Q(pass_number=2), output_field=models.BooleanField(), db_persist=True
            ),
        ),
        migrations.AlterField("step", "pass_number", models.BigIntegerField(default=1, db_default=1)),
        migrations.AlterField("step", "due_at", models.DateTimeField(default=None)),
        migrations.AlterField("step", "outcome", models.CharField(max_length=20)),
        migrations.AlterField("step", "state_at", models.DateTimeField(db_index=True)),
        migrations.RemoveField("playbook", "name"),
        migrations.RenameField("playbook", "name", "title"),
        migrations.RenameModel("Playbook", "Cookbook"),
        migrations.DeleteModel("LaunchDraft"),
        migrations.RunSQL("CREATE UNIQUE INDEX x ON campaigns_step (state_at)"),
        migrations.RunSQL(["SELECT 1", "ALTER TABLE campaigns_step ALTER COLUMN due_at SET NOT NULL"]),
        migrations.RunSQL("alter table conversations_message alter column code type text"),
        migrations.RunSQL("ALTER TABLE campaigns_step ADD CONSTRAINT x CHECK (pass_number > 0)"),
        migrations.RunSQL("UPDATE conversations_message SET code = ''"),
        migrations.SeparateDatabaseAndState(database_operations=[migrations.AddIndex("step", INDEX)]),
    ],
    ids=lambda operation: f"{type(operation).__name__} {operation.describe()}"[:60],
)  # fmt: skip
def test_what_would_hold_everybody_up_is_refused(operation: Any) -> None:
    assert len(made(operation)) == 1


@pytest.mark.parametrize(
    ("operation", "atomic"),
    [
        (postgres.AddIndexConcurrently("step", INDEX), False),
        (postgres.RemoveIndexConcurrently("step", "step_due_queue"), False),
        (postgres.AddConstraintNotValid("step", CHECK), True),
        (migrations.AddField("step", "weight", models.IntegerField(null=True)), True),
        (migrations.AddField("step", "weight", models.IntegerField(default=1, db_default=1)), True),
        (migrations.AlterField("step", "outcome", models.CharField(max_length=80)), True),
        (migrations.AddField("playbook", "weight", NUMBER), True),
        (migrations.AddIndex("playbook", models.Index(fields=["name"], name="made_up")), True),
        (migrations.RunSQL("CREATE INDEX CONCURRENTLY x ON campaigns_step (state_at)"), False),
        (migrations.RunSQL("ALTER TABLE campaigns_step SET (fillfactor = 85)"), True),
        (migrations.RunSQL("ALTER TABLE campaigns_step ADD CONSTRAINT x CHECK (true) NOT VALID"), True),
    ],
)
def test_what_holds_nobody_up_may_be_done(operation: Any, atomic: bool) -> None:
    assert made(operation, atomic=atomic) == []
