from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Keys that customers pressed when they called us."""

    atomic = False  # built beside a running system

    dependencies = [("conversations", "0038_keys_of_callers")]

    operations = [
        # What a try before this one may have left half-built.
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS call_callers_keys_unread", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            "call",
            models.Index(
                fields=["ended_at"], name="call_callers_keys_unread",
                condition=Q(
                    keys_read_at__isnull=True, ended_at__isnull=False, direction="in", digits=""
                ),
            ),
        ),
    ]  # fmt: skip
