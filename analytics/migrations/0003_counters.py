"""Count by statement triggers. The SQL beside this file is a copy of `analytics/sql/` as it was then."""

from pathlib import Path

from django.db import migrations

COUNTERS = (Path(__file__).parent / "0003_counters.sql").read_text()
STORAGE = """
-- Deltas turn over all day; totals are rewritten in place.
alter table analytics_counterdelta
    set (autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_scale_factor = 0);
alter table analytics_countertotal set (fillfactor = 70);
alter table analytics_counterhour set (fillfactor = 80);
"""
WITHOUT = """
drop function analytics_count_steps() cascade;
drop function analytics_count_messages() cascade;
drop function analytics_count_enrollments() cascade;
drop function analytics_count_exclusions() cascade;
drop function analytics_count_job_credits() cascade;
drop function analytics_message_cells(text, timestamptz, timestamptz, timestamptz, timestamptz);
drop function analytics_enrollment_cells(text, boolean, timestamptz, timestamptz, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0002_wider_columns"),
        ("campaigns", "0001_initial"),
        ("conversations", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(COUNTERS, WITHOUT),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
    ]
