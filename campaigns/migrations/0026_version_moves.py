import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.clock


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0025_launch_terms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="VersionMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("choices", models.JSONField(blank=True, default=dict)),
                (
                    "goes_on",
                    models.BooleanField(help_text="The campaign was running, and runs again afterwards"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("moving", "Moving"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("stopped", "Stopped"),
                        ],
                        default="moving",
                        max_length=9,
                    ),
                ),
                ("cursor", models.BigIntegerField(default=0, help_text="Last enrollment looked at")),
                (
                    "people",
                    models.PositiveIntegerField(help_text="On other versions as it began"),
                ),
                (
                    "seen",
                    models.PositiveIntegerField(default=0, help_text="Of them, looked at so far"),
                ),
                ("counts", models.JSONField(blank=True, default=dict)),
                ("why", models.CharField(blank=True, default="", max_length=300)),
                (
                    "trouble",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="What keeps it from going on",
                        max_length=300,
                    ),
                ),
                ("started_at", models.DateTimeField(default=common.clock.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "before",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.workflowversion",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="version_moves",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moves",
                        to="campaigns.workflowversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("campaign",),
                        name="versionmove_one_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "moving")),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("state__in", ["done", "cancelled", "stopped"]),
                            ),
                            _connector="OR",
                        ),
                        name="versionmove_state",
                    ),
                ],
            },
        ),
    ]
