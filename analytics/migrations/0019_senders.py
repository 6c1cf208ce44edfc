"""Count at each number what left from it; what left before is counted by a task (`analytics.number_counts`).

The SQL beside this file is a copy of `analytics/sql/` as it was then."""

from pathlib import Path

from django.db import migrations

COUNTERS = (Path(__file__).parent / "0019_senders.sql").read_text()
# Whoever is counting messages now goes on with the function it began with: no statement loses it midway.
HOLD = (
    "set local lock_timeout = '20s';"
    " lock table conversations_message, campaigns_step in share row exclusive mode"
)
DROP_OLD = """
drop function analytics_message_cells(
  boolean, text, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, boolean,
  timestamptz
);
"""
ASK = """
insert into analytics_counterfill (name, since, cursor)
select 'senders', pg_current_xact_id()::text::numeric, 0 where exists (select from campaigns_enrollment)
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0018_cleared_returns"), ("conversations", "0039_keys_of_callers_unread")]
    operations = [
        migrations.RunSQL(HOLD, migrations.RunSQL.noop),
        migrations.RunSQL(COUNTERS, migrations.RunSQL.noop),
        migrations.RunSQL(DROP_OLD, migrations.RunSQL.noop),
        migrations.RunSQL(ASK, migrations.RunSQL.noop),
    ]
