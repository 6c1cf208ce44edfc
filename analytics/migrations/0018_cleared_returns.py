from django.db import migrations, models


class Migration(migrations.Migration):
    """Distinct contacts of a range stay right when passages are deleted."""

    dependencies = [("analytics", "0017_call_credit")]

    operations = [
        migrations.CreateModel(
            name="ClearedReturn",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("campaign_id", models.BigIntegerField()),
                ("entered", models.DateTimeField()),
                (
                    "entered_before",
                    models.DateTimeField(help_text="When the passage before it was entered"),
                ),
                ("ended", models.DateTimeField()),
                ("ended_before", models.DateTimeField()),
                ("n", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["campaign_id", "entered", "entered_before", "ended", "ended_before"],
                        name="cleared_return_key",
                    )
                ],
            },
        ),
    ]
