"""Count by which edge steps leave. The SQL beside this file is a copy of `analytics/sql/` as it was then.

From here on each change counts itself; what was before is counted by a task, campaign by campaign
(`analytics.edge_counts`). A new database has no past, and gets no row that asks for it.
"""

from pathlib import Path

from django.db import migrations, models

COUNT_STEPS = (Path(__file__).parent / "0006_edges.sql").read_text()
BEFORE = (Path(__file__).parent / "0003_counters.sql").read_text()
ASK = """
insert into analytics_counterfill (name, since, cursor)
select 'edges', pg_current_xact_id()::text::numeric, 0 where exists (select from campaigns_step)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0005_clearing"),
    ]

    operations = [
        migrations.CreateModel(
            name="CounterFill",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=20, unique=True)),
                (
                    "since",
                    models.DecimalField(decimal_places=0, help_text="pg_current_xact_id()", max_digits=20),
                ),
                (
                    "cursor",
                    models.BigIntegerField(default=0, help_text="The last campaign that was counted"),
                ),
            ],
        ),
        migrations.RunSQL(COUNT_STEPS, BEFORE),
        migrations.RunSQL(ASK, migrations.RunSQL.noop),
    ]
