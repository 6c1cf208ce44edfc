"""What a migration may not do to a system that is running: no long lock on a big table, nothing taken away
that the release still running uses."""

import re
from collections.abc import Iterator

from django.contrib.postgres import operations as postgres
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# Tables that grow with the people reached; the others are small, and any change of them is over at once.
BIG = {
    "analytics.counterbaseline", "analytics.counterdelta", "analytics.counterhour",
    "analytics.counterminute", "analytics.counterday", "analytics.countermonth",
    "audiences.address", "audiences.contact", "audiences.contactaddress", "audiences.donotcallentry",
    "audiences.household", "audiences.job",
    "campaigns.click", "campaigns.enrollment", "campaigns.enrollmentsnapshot", "campaigns.exclusion",
    "campaigns.linkcode", "campaigns.step",
    "conversations.attempt", "conversations.message", "conversations.reading",
    "integrations.providerevent",
}  # fmt: skip
_TABLES = "|".join(label.replace(".", "_") for label in sorted(BIG))
_SQL = {
    "builds an index while everybody waits: CONCURRENTLY": rf"create\s+(unique\s+)?index\s+(?!concurrently)"
    rf"[^;]*\son\s+(only\s+)?({_TABLES})\b",
    "rewrites or reads a big table under a lock": rf"alter\s+table\s+(only\s+)?({_TABLES})\b[^;]*"
    r"(set\s+not\s+null|\btype\s|add\s+column[^;]*not\s+null(?![^;]*default))",
    "checks every row under a lock: NOT VALID, then VALIDATE": rf"alter\s+table\s+(only\s+)?({_TABLES})\b"
    r"[^;]*add\s+constraint(?![^;]*(not\s+valid|using\s+index))",
    "writes every row in one transaction": rf"\bupdate\s+({_TABLES})\b",
    "locks the table for a rewrite": rf"\b(vacuum\s+full|cluster)\s+({_TABLES})\b",
}


def problems(migration: Migration, before: ProjectState) -> list[str]:
    """What this migration, standing on the state `before`, does that it may not."""
    found, state = [], before.clone()
    for operation in migration.operations:
        after = state.clone()
        operation.state_forwards(migration.app_label, after)
        name = f"{migration.app_label}.{migration.name}: {operation.describe()}"
        found += [f"{name}: {what}" for what in _of(operation, migration, state, after)]
        state = after
    return found


def _of(
    operation: Operation, migration: Migration, state: ProjectState, after: ProjectState
) -> Iterator[str]:
    match operation:
        case operations.SeparateDatabaseAndState():
            for inner in operation.database_operations:
                yield from _of(inner, migration, state, after)
            return
        case operations.RunSQL():
            yield from _sql(operation)
            return
        case operations.RenameModel() | operations.RenameField() | operations.DeleteModel():
            yield "the release that still runs uses the old name"
            return
        case operations.RemoveField():
            yield "the release that still runs writes this column: stop using it first, one release earlier"
            return
    label = f"{migration.app_label}.{getattr(operation, 'model_name', '')}".lower()
    if label not in BIG:
        return
    match operation:
        case postgres.AddIndexConcurrently() | postgres.RemoveIndexConcurrently():
            if migration.atomic:
                yield "works outside a transaction only: atomic = False"
        case operations.AddIndex():
            yield "builds an index while everybody waits: AddIndexConcurrently"
        case operations.RemoveIndex():
            yield "waits for everybody and lets nobody pass: RemoveIndexConcurrently"
        case postgres.AddConstraintNotValid():
            return
        case operations.AddConstraint():
            if isinstance(operation.constraint, models.UniqueConstraint):
                yield "builds an index while everybody waits: make it CONCURRENTLY first, then take it over"
            else:
                yield "checks every row under a lock: AddConstraintNotValid, then ValidateConstraint"
        case operations.AddField():
            yield from _added(after.apps.get_model(label)._meta.get_field(operation.name))
        case operations.AlterField():
            was = state.apps.get_model(label)._meta.get_field(operation.name)
            yield from _altered(was, after.apps.get_model(label)._meta.get_field(operation.name))


def _sql(operation: operations.RunSQL) -> Iterator[str]:
    parts = [operation.sql] if isinstance(operation.sql, str) else operation.sql
    text = ";".join(part if isinstance(part, str) else part[0] for part in parts)
    text = re.sub(r"--[^\n]*", "", text).lower()
    for what, pattern in _SQL.items():
        if re.search(pattern, text):
            yield what


def _added(field: models.Field) -> Iterator[str]:
    if field.generated:
        yield "rewrites the table"
    elif not field.null and not field.has_db_default() and not field.many_to_many:
        yield "the release that still runs does not fill it: null or db_default"
    if field.unique or getattr(field, "db_index", False):
        yield "builds an index while everybody waits: db_index=False, then AddIndexConcurrently"


def _altered(was: models.Field, now: models.Field) -> Iterator[str]:
    old, new = (field.db_parameters(connection)["type"] for field in (was, now))
    widened = str(old).startswith("varchar") and str(new).startswith(("varchar", "text"))
    if old != new and not (widened and _length(now) >= _length(was)):
        yield f"rewrites the table: from {old} to {new}"
    if was.null and not now.null:
        yield "reads every row under a lock: a check NOT VALID first"
    if (now.unique and not was.unique) or (getattr(now, "db_index", False) and not _indexed(was)):
        yield "builds an index while everybody waits: AddIndexConcurrently"


def _indexed(field: models.Field) -> bool:
    return bool(field.unique or getattr(field, "db_index", False))


def _length(field: models.Field) -> float:
    return field.max_length or float("inf")
