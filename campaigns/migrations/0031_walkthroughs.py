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


def _of(model: str) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name="walkthroughs", to=model
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("audiences", "0001_initial"),
        ("campaigns", "0030_own_edits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Walkthrough",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("graph", models.JSONField(default=dict, help_text="As it was drawn when it began")),
                (
                    "drawn_as",
                    models.CharField(
                        help_text="Which state of the workflow that was, in words", max_length=60
                    ),
                ),
                (
                    "sample",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="An invented person's language, where no contact is",
                        max_length=2,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("acts", models.JSONField(default=list)),
                (
                    "revision",
                    models.PositiveIntegerField(default=0, help_text="Whoever has not seen it is refused"),
                ),
                ("shown", models.JSONField(default=dict)),
                ("places", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=common.clock.now)),
                ("changed_at", models.DateTimeField(default=common.clock.now)),
                ("account", _of("accounts.account")),
                ("changed_by", _somebody()),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="audiences.contact",
                    ),
                ),
                ("created_by", _somebody()),
                ("workflow", _of("campaigns.workflow")),
            ],
            options={
                "indexes": [models.Index(fields=["workflow", "-changed_at"], name="walkthrough_latest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("contact__isnull", True), ("sample", ""), _connector="XOR"),
                        name="walkthrough_of_somebody",
                    )
                ],
            },
        ),
    ]
