from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0003_job_origin"),
    ]

    operations = [
        migrations.AddField(
            model_name="synccursor",
            name="last_skipped",
            field=models.TextField(blank=True, help_text="the latest of them, in words"),
        ),
        migrations.AddField(
            model_name="synccursor",
            name="skipped",
            field=models.BigIntegerField(default=0, help_text="odd rows passed over so far"),
        ),
        migrations.AlterField(
            model_name="synccursor",
            name="error",
            field=models.TextField(blank=True, help_text="what stopped the last run"),
        ),
    ]
