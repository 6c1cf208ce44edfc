"""Count planned calls by their exclusive status and outcome, and their tries; there was no call before.

The SQL beside this file is a copy of `analytics/sql/` as it was then."""

from pathlib import Path

from django.db import migrations

COUNTERS = (Path(__file__).parent / "0016_calls.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0015_recounts_go_on"),
        ("conversations", "0031_calls_of_planned"),
    ]
    operations = [migrations.RunSQL(COUNTERS, migrations.RunSQL.noop)]
