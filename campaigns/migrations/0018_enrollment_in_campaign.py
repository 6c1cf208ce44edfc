"""An enrollment together with its campaign as a key, which steps can name; it replaces the index."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("campaigns", "0017_returning")]

    operations = [
        migrations.RunSQL(
            "CREATE UNIQUE INDEX CONCURRENTLY enrollment_in_campaign"
            " ON campaigns_enrollment (campaign_id, id)",
            "DROP INDEX CONCURRENTLY IF EXISTS enrollment_in_campaign",
        ),
        migrations.RunSQL(
            "ALTER TABLE campaigns_enrollment"
            " ADD CONSTRAINT enrollment_in_campaign UNIQUE USING INDEX enrollment_in_campaign",
            "ALTER TABLE campaigns_enrollment DROP CONSTRAINT enrollment_in_campaign",
            state_operations=[
                migrations.AddConstraint(
                    model_name="enrollment",
                    constraint=models.UniqueConstraint(
                        fields=["campaign", "id"], name="enrollment_in_campaign"
                    ),
                )
            ],
        ),
        RemoveIndexConcurrently(model_name="enrollment", name="enrollment_of_campaign"),
    ]
