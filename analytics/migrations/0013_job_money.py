"""Count what credited jobs come to, and influenced ones; corrections of credit are kept for ever. The SQL
beside this file is a copy of `analytics/sql/` as it was then."""

from pathlib import Path

from django.db import migrations

from common import evidence

ASK = """
insert into analytics_counterfill (name, since, cursor)
select 'standings', pg_current_xact_id()::text::numeric, 0 where exists (select from audiences_job)
"""
COUNTERS = (Path(__file__).parent / "0013_job_money.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("analytics", "0012_job_standings")]
    operations = [
        migrations.RunSQL(COUNTERS, migrations.RunSQL.noop),
        migrations.RunSQL(ASK, migrations.RunSQL.noop),
        evidence.kept_for_ever("analytics_creditcorrection"),
    ]
