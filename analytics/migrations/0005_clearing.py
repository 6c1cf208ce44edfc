import django.db.models.deletion
from django.db import migrations, models

import common.clock


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0004_compliance_reports"),
        ("campaigns", "0011_terms"),
    ]

    operations = [
        migrations.CreateModel(
            name="Clearing",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="clearing",
                        serialize=False,
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "cursor",
                    models.BigIntegerField(
                        default=0, help_text="The last enrollment looked at in this round"
                    ),
                ),
                (
                    "before",
                    models.DateTimeField(help_text="What ended earlier went, unless it is kept as evidence"),
                ),
                (
                    "deleted",
                    models.PositiveBigIntegerField(default=0, help_text="Passages deleted, of all rounds"),
                ),
                (
                    "told",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Of them, those the audit log speaks of"
                    ),
                ),
                ("begun_at", models.DateTimeField(default=common.clock.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CounterBaseline",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("campaign_id", models.BigIntegerField()),
                ("node_key", models.CharField(blank=True, max_length=40)),
                ("column", models.CharField(max_length=60)),
                ("minute", models.DateTimeField()),
                ("n", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("campaign_id", "node_key", "column", "minute"), name="counter_baseline_key"
                    )
                ],
            },
        ),
    ]
