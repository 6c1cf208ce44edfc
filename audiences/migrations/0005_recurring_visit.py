import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_audit_entries_never_change"),
        ("audiences", "0004_sync_skipped"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecurringVisit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("servicetitan_id", models.BigIntegerField()),
                ("servicetitan_job_id", models.BigIntegerField(blank=True, null=True)),
                ("active", models.BooleanField(default=True, help_text="off: deleted at the source")),
                ("source_modified_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recurring_visits",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("servicetitan_job_id__isnull", False)),
                        fields=["account", "servicetitan_job_id"],
                        name="recurring_visit_job",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "servicetitan_id"), name="recurring_visit_servicetitan"
                    )
                ],
            },
        ),
    ]
