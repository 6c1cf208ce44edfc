"""Connections, sending numbers with their pace, and the partitioned inbox."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.models import Q

import common.clock
import integrations.encryption

PROVIDER_EVENT_SQL = (Path(__file__).parent / "0001_provider_event.sql").read_text()


def first_partitions(apps, schema_editor):
    """The months around the product's present instant, so that the default partition starts empty."""
    month = common.clock.now().date().replace(day=1)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT integrations_ensure_event_partitions(%s)", [month])


class Migration(migrations.Migration):
    initial = True
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Connection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "provider",
                    models.CharField(
                        choices=[
                            ("twilio", "Twilio"),
                            ("sendgrid", "SendGrid"),
                            ("servicetitan", "ServiceTitan"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "credentials",
                    integrations.encryption.EncryptedJSONField(blank=True, default=dict),
                ),
                ("settings", models.JSONField(blank=True, default=dict)),
                (
                    "created_at",
                    models.DateTimeField(default=common.clock.now, editable=False),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="connections",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "provider"),
                        name="connection_once_per_provider",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SendingNumber",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("e164", models.CharField(max_length=16, unique=True)),
                ("label", models.CharField(blank=True, default="", max_length=80)),
                (
                    "provider_sid",
                    models.CharField(blank=True, default="", max_length=64),
                ),
                ("segments_per_second", models.PositiveIntegerField(default=1)),
                ("active", models.BooleanField(default=True)),
                (
                    "created_at",
                    models.DateTimeField(default=common.clock.now, editable=False),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sending_numbers",
                        to="accounts.account",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sending_numbers",
                        to="integrations.connection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(e164__regex="^\\+[1-9][0-9]{6,14}$"),
                        name="sendingnumber_e164",
                    ),
                    models.CheckConstraint(
                        condition=Q(segments_per_second__gt=0),
                        name="sendingnumber_rate_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="NumberPace",
            fields=[
                (
                    "number",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="pace",
                        serialize=False,
                        to="integrations.sendingnumber",
                    ),
                ),
                (
                    "tat",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    PROVIDER_EVENT_SQL,
                    "DROP TABLE integrations_providerevent;"
                    "DROP FUNCTION integrations_ensure_event_partitions(date);",
                ),
                migrations.RunPython(first_partitions, migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="ProviderEvent",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        ("month", models.DateField()),
                        ("provider", models.CharField(max_length=20)),
                        ("event_id", models.CharField(max_length=200)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("message_status", "Message status"),
                                    ("message_inbound", "Inbound message"),
                                    ("source_changed", "ServiceTitan change hint"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("payload", models.JSONField()),
                        ("headers", models.JSONField(default=dict)),
                        ("received_at", models.DateTimeField(default=common.clock.now)),
                        ("applied_at", models.DateTimeField(null=True)),
                        ("outcome", models.TextField(blank=True, default="")),
                        (
                            "account",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="accounts.account",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("provider", "event_id", "month"),
                                name="providerevent_once",
                            )
                        ],
                        "indexes": [
                            models.Index(
                                condition=Q(applied_at__isnull=True),
                                fields=["kind", "id"],
                                name="providerevent_undrained",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
