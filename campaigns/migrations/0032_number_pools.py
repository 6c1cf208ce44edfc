import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.clock


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0031_walkthroughs"),
        ("integrations", "0009_call_events"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CampaignNumber",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("joined_at", models.DateTimeField(default=common.clock.now)),
                (
                    "left_at",
                    models.DateTimeField(blank=True, help_text="Taken out of the pool", null=True),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="more_numbers",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "number",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="more_campaigns",
                        to="integrations.sendingnumber",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("left_at__isnull", False)),
                        fields=["left_at"],
                        name="campaignnumber_left",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "number"), name="campaignnumber_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("left_at__isnull", True),
                            ("left_at__gte", models.F("joined_at")),
                            _connector="OR",
                        ),
                        name="campaignnumber_leaves_later",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="intake",
            name="held",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Who would have entered beyond what the account lets one person launch to",
            ),
        ),
        migrations.AddField(
            model_name="intake",
            name="let_in",
            field=models.PositiveIntegerField(
                blank=True, help_text="A second person lets so many enter in all", null=True
            ),
        ),
        migrations.AddField(
            model_name="intake",
            name="let_in_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="intake",
            name="let_in_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="launchapproval",
            name="approved_people",
            field=models.PositiveIntegerField(
                blank=True, help_text="Who would have got it when it was approved", null=True
            ),
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                (
                    "enrollment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="removal",
                        serialize=False,
                        to="campaigns.enrollment",
                    ),
                ),
                ("at", models.DateTimeField(default=common.clock.now)),
                (
                    "steps",
                    models.JSONField(default=list, help_text="Of each open step: its id, state and due time"),
                ),
                (
                    "reply_id",
                    models.BigIntegerField(
                        blank=True, help_text="The reply that no step had awaited yet", null=True
                    ),
                ),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("undone_at__isnull", True),
                            ("undone_at__gte", models.F("at")),
                            _connector="OR",
                        ),
                        name="removal_undone_later",
                    )
                ]
            },
        ),
    ]
