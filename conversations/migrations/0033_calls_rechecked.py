from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0032_abandoned_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="plannedcall",
            name="recheck_failed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="plannedcall",
            name="rechecked_at",
            field=models.DateTimeField(
                blank=True, help_text="When the source was last asked about its contact", null=True
            ),
        ),
    ]
