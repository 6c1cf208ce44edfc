"""Count what carries a short link, who followed it, and each link for itself; nothing carried one before.

The SQL beside this file is a copy of `analytics/sql/` as it was then."""

from pathlib import Path

from django.db import migrations

COUNTERS = (Path(__file__).parent / "0014_links.sql").read_text()
# Whoever is counting messages now goes on with the function it began with: no statement loses it midway.
HOLD = "set local lock_timeout = '20s'; lock table conversations_message in share row exclusive mode"
DROP_OLD = """
drop function analytics_message_cells(
  boolean, text, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz
);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0013_job_money"),
        ("campaigns", "0021_short_links"),
        ("conversations", "0023_clicked_messages"),
    ]
    operations = [
        migrations.RunSQL(HOLD, migrations.RunSQL.noop),
        migrations.RunSQL(COUNTERS, migrations.RunSQL.noop),
        migrations.RunSQL(DROP_OLD, migrations.RunSQL.noop),
    ]
