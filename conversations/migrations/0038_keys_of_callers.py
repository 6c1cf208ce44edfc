from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Keys that customers pressed when they called us, and when keys that break us are asked about again."""

    atomic = False  # built beside a running system

    dependencies = [("conversations", "0037_lists_of_calls")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="keys_broke_at",
            field=models.DateTimeField(
                blank=True, null=True, help_text="When what it pressed could last not be acted upon"
            ),
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
