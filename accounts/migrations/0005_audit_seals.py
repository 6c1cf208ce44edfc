import django.db.models.deletion
from django.db import migrations, models

import common.clock
from common import evidence


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_evidence_never_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(help_text="1, 2, 3 … within the account")),
                ("kind", models.CharField(help_text="The label of the sealed model", max_length=80)),
                (
                    "columns",
                    models.TextField(help_text="What of each row is sealed: columns, with commas between"),
                ),
                ("first", models.BigIntegerField(help_text="First key that it covers")),
                ("last", models.BigIntegerField(help_text="Last key that it covers")),
                (
                    "rows",
                    models.PositiveIntegerField(help_text="How many rows of the account have these keys"),
                ),
                (
                    "digest",
                    models.CharField(help_text="HMAC-SHA256 of the seal before and the rows", max_length=64),
                ),
                (
                    "key_mark",
                    models.CharField(help_text="Which key of the deployment it was made with", max_length=8),
                ),
                ("sealed_at", models.DateTimeField(default=common.clock.now)),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "difference",
                    models.TextField(blank=True, help_text="What the latest check found; blank: nothing"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_seals",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.OrderBy(models.F("checked_at"), nulls_first=True),
                        models.F("id"),
                        name="audit_seal_to_check",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "number"), name="audit_seal_number"),
                    models.UniqueConstraint(fields=("account", "kind", "first"), name="audit_seal_stretch"),
                    models.CheckConstraint(
                        condition=models.Q(("first__lte", models.F("last")), ("number__gte", 1)),
                        name="audit_seal_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="audit_seal_digest"
                    ),
                ],
            },
        ),
        evidence.kept_for_ever("accounts_auditseal", until_then=("checked_at", "difference")),
    ]
