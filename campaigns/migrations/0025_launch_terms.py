import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("audiences", "0034_contacts_unnoted"),
        ("campaigns", "0024_message_drafts"),
        ("conversations", "0030_calls"),
        ("integrations", "0008_mail_events"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Canary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("people", models.PositiveIntegerField(help_text="Who entered first")),
                (
                    "among",
                    models.PositiveIntegerField(help_text="Who would have entered then, they included"),
                ),
                (
                    "rest_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="The others’ turn; blank until the first ones have had theirs",
                        null=True,
                    ),
                ),
                (
                    "opened_at",
                    models.DateTimeField(blank=True, help_text="From then on the others enter", null=True),
                ),
                (
                    "trouble",
                    models.CharField(
                        blank=True, default="", help_text="Why it paused the campaign", max_length=300
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LaunchApproval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("asked_at", models.DateTimeField(default=common.clock.now)),
                ("people", models.PositiveIntegerField(help_text="Who would have got it then")),
                ("above", models.PositiveIntegerField(help_text="The account’s limit then")),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("approved", models.BooleanField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, default="", help_text="Why it was refused", max_length=300),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LaunchRules",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "approval_above",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Launches to more people need a second person; blank: none does",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_minutes",
            field=models.PositiveSmallIntegerField(
                db_default=30, default=30, help_text="Between what the first ones got and the others’ turn"
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_people",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="So many go first, the others after them; or so many in a hundred:",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="canary_percent",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="first_day",
            field=models.DateField(
                blank=True,
                help_text="With `first_minute`: what clocks show when it starts, where that counts",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="first_minute",
            field=models.PositiveSmallIntegerField(blank=True, help_text="Of the day", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="held_until",
            field=models.DateTimeField(
                blank=True, help_text="Nothing enters before, so that the launch can be undone", null=True
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="local_time",
            field=models.BooleanField(
                db_default=False, default=False, help_text="By the clocks where each contact lives"
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="repeats",
            field=models.CharField(
                blank=True,
                choices=[("days", "Days"), ("weeks", "Weeks"), ("months", "Months")],
                db_default="",
                default="",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="repeats_every",
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="campaign",
            name="repeats_until",
            field=models.DateTimeField(
                blank=True, help_text="No occurrence begins from then on; active until then", null=True
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="typed",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="What was typed in the creation modal: an undone launch gives it back",
            ),
        ),
        migrations.AddField(
            model_name="intake",
            name="missed",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="Occurrences just before it that never began: nobody worked, or it rested",
            ),
        ),
        migrations.AddField(
            model_name="intake",
            name="starts_at",
            field=models.DateTimeField(
                blank=True, help_text="When the occurrence begins; blank: with the campaign", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("first_day__isnull", True),
                        ("first_minute__isnull", True),
                        ("local_time", False),
                        ("repeats", ""),
                    ),
                    models.Q(
                        ("first_day__isnull", False),
                        ("first_minute__isnull", False),
                        ("first_minute__lt", 1440),
                    ),
                    _connector="OR",
                ),
                name="campaign_clock",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("repeats", ""), ("repeats_until__isnull", True)),
                    models.Q(
                        ("repeats__in", ["days", "weeks", "months"]),
                        ("repeats_every__gte", 1),
                        ("repeats_until__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="campaign_repeats",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("canary_people__isnull", True),
                    models.Q(("canary_people__gte", 1), ("canary_percent__isnull", True)),
                    _connector="OR",
                ),
                name="campaign_canary",
            ),
        ),
        migrations.AddField(
            model_name="canary",
            name="intake",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="canary", to="campaigns.intake"
            ),
        ),
        migrations.AddField(
            model_name="launchapproval",
            name="asked_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="launchapproval",
            name="campaign",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="approval", to="campaigns.campaign"
            ),
        ),
        migrations.AddField(
            model_name="launchapproval",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="launchrules",
            name="account",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="launch_rules",
                to="accounts.account",
            ),
        ),
        migrations.AddConstraint(
            model_name="launchapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved__isnull", True), ("decided_at__isnull", True)),
                    models.Q(("approved__isnull", False), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="launchapproval_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="launchapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", True),
                    ("asked_by__isnull", True),
                    models.Q(("decided_by", models.F("asked_by")), _negated=True),
                    _connector="OR",
                ),
                name="launchapproval_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="launchapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved", False), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="launchapproval_reason",
            ),
        ),
    ]
