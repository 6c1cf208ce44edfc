import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.clock


def _somebody() -> models.ForeignKey:
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0027_playbooks_in_order"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="workflow",
            name="archived_at",
            field=models.DateTimeField(blank=True, help_text="Set: out of lists and launches", null=True),
        ),
        migrations.CreateModel(
            name="WorkflowDraft",
            fields=[
                (
                    "workflow",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="draft",
                        serialize=False,
                        to="campaigns.workflow",
                    ),
                ),
                ("graph", models.JSONField(default=dict)),
                ("revision", models.PositiveIntegerField(default=0)),
                ("changed_at", models.DateTimeField(default=common.clock.now)),
                ("changed_by", _somebody()),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        help_text="The one it was drawn over",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="campaigns.workflowversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WorkflowRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("graph", models.JSONField()),
                ("said", models.CharField(help_text="What was done, in words", max_length=200)),
                (
                    "touched",
                    models.JSONField(default=list, help_text="Keys of the steps that are not as before"),
                ),
                ("back", models.PositiveIntegerField(blank=True, null=True)),
                ("forward", models.PositiveIntegerField(blank=True, null=True)),
                ("at", models.DateTimeField(default=common.clock.now)),
                ("by", _somebody()),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="revisions",
                        to="campaigns.workflowdraft",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("draft", "number"), name="workflowrevision_number"),
                ],
            },
        ),
    ]
