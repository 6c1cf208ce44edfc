"""Count messages by their exclusive status, exits of first passages, and days and months of company time.

The SQL beside this file is a copy of `analytics/sql/` as it was then. From here on each change counts itself;
what was before is counted by a task (`analytics.status_counts`). A new database has no past.
"""

from pathlib import Path

from django.db import migrations, models

HERE = Path(__file__).parent
COUNTERS = (HERE / "0009_statuses.sql").read_text()
BEFORE = (HERE / "0003_counters.sql").read_text() + (HERE / "0006_edges.sql").read_text()
# Whoever is counting messages now goes on with the function it began with: no statement loses it midway.
HOLD = "set local lock_timeout = '20s'; lock table conversations_message in share row exclusive mode"
DROP_OLD = """
drop function analytics_message_cells(text, timestamptz, timestamptz, timestamptz, timestamptz);
"""
WITHOUT = """
drop function analytics_account_moved() cascade;
drop function analytics_make_days(bigint[]);
drop function analytics_message_cells(
  boolean, text, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz
);
"""
ASK = """
insert into analytics_counterfill (name, since, cursor)
select 'statuses', pg_current_xact_id()::text::numeric, 0 where exists (select from campaigns_enrollment)
"""
# Passages deleted before: a contact's went together, so that each had a first one that ended. When, their
# exits say where nobody entered twice, and else their entries.
DELETED = """
insert into analytics_counterbaseline (campaign_id, node_key, "column", minute, n)
select kept.campaign_id, '', 'exits_first', kept.minute, kept.n
from analytics_counterbaseline kept
join (
    select campaign_id,
           case sum(n) filter (where "column" = 'entries') when sum(n) filter (where "column" = 'audience')
             then 'exits' else 'audience' end as "column"
    from analytics_counterbaseline where node_key = '' group by campaign_id
) source on source.campaign_id = kept.campaign_id and source."column" = kept."column"
where kept.node_key = ''
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("analytics", "0008_downloads"),
        ("conversations", "0014_spam_reports"),
    ]

    operations = [
        migrations.CreateModel(
            name="CounterDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("campaign_id", models.BigIntegerField()),
                ("day", models.DateField()),
                ("column", models.CharField(max_length=60)),
                ("n", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign_id", "day", "column"), name="counter_day_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="CounterMonth",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("campaign_id", models.BigIntegerField()),
                ("month", models.DateField(help_text="Its first day")),
                ("column", models.CharField(max_length=60)),
                ("n", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("campaign_id", "month", "column"), name="counter_month_key"
                    )
                ],
            },
        ),
        migrations.RunSQL(HOLD, migrations.RunSQL.noop),
        migrations.RunSQL(COUNTERS, BEFORE),
        migrations.RunSQL(DROP_OLD, WITHOUT),
        migrations.RunSQL(DELETED, migrations.RunSQL.noop),
        migrations.RunSQL(ASK, migrations.RunSQL.noop),
    ]
