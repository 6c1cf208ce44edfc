from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_settings"),
        ("audiences", "0006_first_run"),
        ("conversations", "0002_lane_pace"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="lane",
            name="lane_kind",
        ),
        migrations.AlterField(
            model_name="lane",
            name="kind",
            field=models.CharField(
                choices=[("campaign", "Campaign"), ("agents", "Agents"), ("tests", "Tests")], max_length=8
            ),
        ),
        migrations.AddConstraint(
            model_name="lane",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "tests")), fields=("account",), name="lane_tests_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="lane",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["campaign", "agents", "tests"])), name="lane_kind"
            ),
        ),
    ]
