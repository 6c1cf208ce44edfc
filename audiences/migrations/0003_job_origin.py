from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0002_contactmethod_location_reachlimits"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="active",
            field=models.BooleanField(default=True, help_text="off: deleted at the source"),
        ),
        migrations.AddField(
            model_name="job",
            name="recall_for_servicetitan_id",
            field=models.BigIntegerField(blank=True, help_text="the job it makes good", null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="servicetitan_lead_call_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
    ]
