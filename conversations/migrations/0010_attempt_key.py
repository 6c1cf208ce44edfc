"""The key that lets a message have one attempt at most that was not refused.

Where 0009 took the index of the foreign key away, Django dropped this partial unique index with it: it stands
on the same column alone.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0009_lean_indexes")]

    operations = [
        migrations.RunSQL(
            "CREATE UNIQUE INDEX IF NOT EXISTS attempt_one_not_refused ON conversations_attempt (message_id)"
            " WHERE NOT (state = 'refused')",
            migrations.RunSQL.noop,
        )
    ]
