import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import common.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("analytics", "0011_downloads_stored_as_they_are"),
        ("audiences", "0031_indexes_for_credit"),
        ("campaigns", "0015_job_creation"),
        ("conversations", "0013_recheck"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CreditCorrection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("touch", "credited to a message"),
                            ("none", "credited to nothing of ours"),
                            ("rule", "as the rule says"),
                        ],
                        max_length=5,
                    ),
                ),
                (
                    "was_link",
                    models.CharField(blank=True, help_text="Blank: it was not credited", max_length=20),
                ),
                ("reason", models.CharField(max_length=500)),
                ("at", models.DateTimeField(default=common.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name="JobStanding",
            fields=[
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="standing",
                        serialize=False,
                        to="audiences.job",
                    ),
                ),
                ("at", models.DateTimeField(help_text="When the job was made in ServiceTitan")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("booked", "Booked"),
                            ("completed", "Completed"),
                            ("invoiced", "Invoiced"),
                            ("refunded", "Refunded"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=9,
                    ),
                ),
                ("invoiced_cents", models.BigIntegerField(default=0)),
                ("refunded_cents", models.BigIntegerField(default=0)),
                ("revenue_cents", models.BigIntegerField(default=0)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("credited", "Credited"),
                            ("influenced", "Influenced"),
                            ("none", "not credited"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("recall", "a recall: it makes good an earlier job"),
                            ("recurring", "a visit of a recurring service"),
                            ("no_charge", "no charge"),
                            (
                                "no_touch",
                                "booked through us, but nothing of ours reached the customer before it",
                            ),
                            ("no_link", "nothing ties it to us"),
                            ("corrected", "an admin took the credit away"),
                        ],
                        max_length=10,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="jobcredit",
            name="call",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="audiences.callatsource",
            ),
        ),
        migrations.AddField(
            model_name="jobcredit",
            name="cancelled",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Cancelled, or deleted at the source"
            ),
        ),
        migrations.AddField(
            model_name="jobcredit",
            name="completed",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="jobcredit",
            name="invoiced",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="jobcredit",
            name="revenue_cents",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="jobcredit",
            name="link",
            field=models.CharField(
                help_text="What ties the job to us: booking, thread, call, or a correction", max_length=20
            ),
        ),
        migrations.AddConstraint(
            model_name="jobcredit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cancelled", False),
                    models.Q(("completed", False), ("invoiced", False), ("revenue_cents", 0)),
                    _connector="OR",
                ),
                name="job_credit_cancelled_brings_nothing",
            ),
        ),
        migrations.AddField(
            model_name="creditcorrection",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_corrections",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="creditcorrection",
            name="by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="creditcorrection",
            name="job",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_corrections",
                to="audiences.job",
            ),
        ),
        migrations.AddField(
            model_name="creditcorrection",
            name="message",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.message",
            ),
        ),
        migrations.AddField(
            model_name="creditcorrection",
            name="was_message",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.message",
            ),
        ),
        migrations.AddField(
            model_name="jobstanding",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="job_standings",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="jobstanding",
            name="business_unit",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="accounts.businessunit",
            ),
        ),
        migrations.AddField(
            model_name="jobstanding",
            name="campaign",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="campaigns.campaign",
            ),
        ),
        migrations.AddField(
            model_name="jobstanding",
            name="enrollment",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="campaigns.enrollment"
            ),
        ),
        migrations.AddField(
            model_name="jobstanding",
            name="message",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="conversations.message",
            ),
        ),
        migrations.AddField(
            model_name="jobstanding",
            name="node",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="campaigns.node"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("message__isnull", False), ("verdict", "touch")),
                    models.Q(("message", None), ("verdict__in", ["none", "rule"])),
                    _connector="OR",
                ),
                name="credit_correction_message",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="credit_correction_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="jobstanding",
            index=models.Index(
                fields=["account", "at", "job"],
                include=(
                    "verdict",
                    "reason",
                    "stage",
                    "campaign",
                    "business_unit",
                    "invoiced_cents",
                    "refunded_cents",
                    "revenue_cents",
                ),
                name="job_standing_by_date",
            ),
        ),
        migrations.AddIndex(
            model_name="jobstanding",
            index=models.Index(
                condition=models.Q(("campaign__isnull", False)),
                fields=["campaign", "at"],
                name="job_standing_campaign",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobstanding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("campaign", None), ("enrollment", None), ("node", None), ("verdict", "none")),
                    models.Q(
                        ("campaign__isnull", False),
                        ("enrollment__isnull", False),
                        ("node__isnull", False),
                        ("verdict__in", ["credited", "influenced"]),
                    ),
                    _connector="OR",
                ),
                name="job_standing_touch",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobstanding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason", ""), ("verdict", "credited")),
                    models.Q(
                        models.Q(("verdict", "credited"), ("reason", ""), _connector="OR"), _negated=True
                    ),
                    _connector="OR",
                ),
                name="job_standing_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobstanding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("revenue_cents", 0), ("stage", "cancelled")),
                    models.Q(
                        models.Q(("stage", "cancelled"), _negated=True),
                        (
                            "revenue_cents",
                            django.db.models.expressions.CombinedExpression(
                                models.F("invoiced_cents"), "-", models.F("refunded_cents")
                            ),
                        ),
                    ),
                    _connector="OR",
                ),
                name="job_standing_revenue",
            ),
        ),
        migrations.AddConstraint(
            model_name="jobstanding",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoiced_cents__gte", 0), ("refunded_cents__gte", 0)),
                name="job_standing_parts",
            ),
        ),
    ]
