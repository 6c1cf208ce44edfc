"""The rows from before the foreign key of 0019 are checked, while everybody reads and writes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0019_step_of_enrollment")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE campaigns_step VALIDATE CONSTRAINT step_of_enrollment", migrations.RunSQL.noop
        )
    ]
