import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("analytics", "0003_counters"),
        ("campaigns", "0006_enrollment_of_campaign"),
        ("integrations", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ComplianceReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first_day", models.DateField()),
                ("last_day", models.DateField(help_text="Included")),
                ("requested_at", models.DateTimeField(default=common.clock.now)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("building", "Being made"),
                            ("finished", "Ready"),
                            ("failed", "Failed"),
                            ("expired", "No longer kept"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("begun_at", models.DateTimeField(blank=True, null=True)),
                ("done", models.PositiveIntegerField(default=0, help_text="Opt-outs written so far")),
                ("total", models.PositiveIntegerField(default=0, help_text="Opt-outs to write")),
                ("pages", models.PositiveIntegerField(default=0)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("pdf_bytes", models.PositiveBigIntegerField(default=0)),
                ("pdf_sha256", models.CharField(blank=True, max_length=64)),
                ("csv_bytes", models.PositiveBigIntegerField(default=0)),
                ("csv_sha256", models.CharField(blank=True, max_length=64)),
                ("error", models.CharField(blank=True, max_length=300)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="compliance_reports",
                        to="accounts.account",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "number",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="integrations.sendingnumber",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReportChunk",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("form", models.CharField(choices=[("pdf", "PDF"), ("csv", "CSV")], max_length=3)),
                ("position", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="analytics.compliancereport",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="compliancereport",
            index=models.Index(fields=["account", "-requested_at"], name="compliance_report_latest"),
        ),
        migrations.AddIndex(
            model_name="compliancereport",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "building"])),
                fields=["requested_at"],
                name="compliance_report_to_make",
            ),
        ),
        migrations.AddConstraint(
            model_name="compliancereport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("campaign__isnull", True), ("number__isnull", False)),
                    models.Q(("campaign__isnull", False), ("number__isnull", True)),
                    _connector="OR",
                ),
                name="compliance_report_of_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="compliancereport",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_day__lte", models.F("last_day"))), name="compliance_report_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="compliancereport",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "building", "finished", "failed", "expired"])),
                name="compliance_report_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="compliancereport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["finished", "expired"]), _negated=True),
                    models.Q(
                        ("finished_at__isnull", False),
                        models.Q(("pdf_sha256", ""), _negated=True),
                        models.Q(("csv_sha256", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="compliance_report_finished",
            ),
        ),
        migrations.AddConstraint(
            model_name="compliancereport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "failed"), _negated=True),
                    models.Q(("error", ""), _negated=True),
                    _connector="OR",
                ),
                name="compliance_report_failed_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="reportchunk",
            constraint=models.UniqueConstraint(
                fields=("report", "form", "position"), name="report_chunk_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportchunk",
            constraint=models.CheckConstraint(
                condition=models.Q(("form__in", ["pdf", "csv"])), name="report_chunk_form"
            ),
        ),
    ]
