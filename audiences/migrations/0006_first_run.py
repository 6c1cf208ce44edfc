import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.clock


def take_synced_for_complete(apps, schema_editor):
    """Exports that were followed before this column existed have their end behind them."""
    apps.get_model("audiences", "SyncCursor").objects.exclude(synced_at=None).update(
        complete_at=models.F("synced_at")
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_settings"),
        ("audiences", "0005_recurring_visit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="synccursor",
            name="complete_at",
            field=models.DateTimeField(
                blank=True, help_text="when the end of the export was last reached", null=True
            ),
        ),
        migrations.RunPython(take_synced_for_complete, migrations.RunPython.noop, elidable=True),
        migrations.CreateModel(
            name="ConsentBasis",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("existing", "Existing customers"),
                            ("written", "Written consent"),
                            ("mixed", "Both"),
                            ("simulated", "Simulated customers"),
                        ],
                        max_length=9,
                    ),
                ),
                ("words", models.TextField(help_text="What was declared, as it stood on the page")),
                (
                    "declared_name",
                    models.CharField(help_text="As the person who declared wrote it", max_length=120),
                ),
                ("declared_at", models.DateTimeField(default=common.clock.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consent_bases",
                        to="accounts.account",
                    ),
                ),
                (
                    "declared_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "-declared_at"], name="consent_basis_latest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["existing", "written", "mixed", "simulated"])),
                        name="consent_basis_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("words", ""), _negated=True),
                            models.Q(("declared_name", ""), _negated=True),
                        ),
                        name="consent_basis_has_words",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OptOutImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(help_text="The file's name, or what else it came from", max_length=160),
                ),
                (
                    "declared_none",
                    models.BooleanField(default=False, help_text="There were no old opt-outs to import"),
                ),
                ("values", models.TextField(blank=True)),
                ("phones", models.PositiveIntegerField(default=0)),
                ("emails", models.PositiveIntegerField(default=0)),
                (
                    "duplicates",
                    models.PositiveIntegerField(default=0, help_text="The same address again in the list"),
                ),
                ("rejected", models.PositiveIntegerField(default=0)),
                (
                    "rejected_rows",
                    models.TextField(blank=True, help_text="The first of them, with the reasons"),
                ),
                ("done", models.PositiveIntegerField(default=0, help_text="Addresses handled so far")),
                (
                    "recorded",
                    models.PositiveIntegerField(default=0, help_text="Of those, wishes that were new"),
                ),
                ("created_at", models.DateTimeField(default=common.clock.now)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="opt_out_imports",
                        to="accounts.account",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("finished_at__isnull", True), ("confirmed_at__isnull", False), _connector="OR"
                        ),
                        name="opt_out_import_confirmed_first",
                    )
                ],
            },
        ),
    ]
