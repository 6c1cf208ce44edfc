from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from common import evidence

FORMER_OF_CONSENT = import_module("audiences.migrations.0009_consents_never_change")


class Migration(migrations.Migration):
    """Opt-outs, their imports, declarations and consents stay as they were recorded."""

    dependencies = [
        ("accounts", "0004_evidence_never_changes"),
        ("audiences", "0009_consents_never_change"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="consentbasis",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="consent_bases",
                to="accounts.account",
            ),
        ),
        migrations.AlterField(
            model_name="consentbasis",
            name="declared_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="optout",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="opt_outs", to="accounts.account"
            ),
        ),
        migrations.AlterField(
            model_name="optout",
            name="address",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="opt_outs", to="audiences.address"
            ),
        ),
        migrations.AlterField(
            model_name="optout",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="optout",
            name="contact",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="audiences.contact"
            ),
        ),
        migrations.AlterField(
            model_name="optout",
            name="lifted_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="opt_outs_lifted",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="optoutimport",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="opt_out_imports",
                to="accounts.account",
            ),
        ),
        migrations.AlterField(
            model_name="optoutimport",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="optout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("lifted_at__isnull", False),
                    models.Q(
                        ("lifted_by__isnull", True), ("lifted_evidence", ""), ("lifted_provider_id", "")
                    ),
                    _connector="OR",
                ),
                name="opt_out_lifted_whole",
            ),
        ),
        evidence.kept_for_ever(
            "audiences_optout", once=("lifted_at", "lifted_evidence", "lifted_provider_id", "lifted_by_id")
        ),
        evidence.kept_for_ever("audiences_consentbasis"),
        evidence.kept_for_ever(
            "audiences_optoutimport",
            once=("finished_at",),
            until_then=("values", "done", "recorded"),
            when="old.confirmed_at is not null",
        ),
        migrations.RunSQL(FORMER_OF_CONSENT.ALLOW, FORMER_OF_CONSENT.REFUSE),
        evidence.kept_for_ever("audiences_consent", once=("ended_at", "ended_why")),
    ]
