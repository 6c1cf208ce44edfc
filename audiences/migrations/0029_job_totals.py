from django.db import migrations, models


class Migration(migrations.Migration):
    """Totals of jobs beside the contact; null until the sync next looks at the customer."""

    dependencies = [
        ("audiences", "0028_import_tokens"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="job_count",
            field=models.PositiveIntegerField(
                blank=True, help_text="Jobs not cancelled, kept by the sync; null: count them", null=True
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="job_total",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="What those jobs are worth together",
                max_digits=14,
                null=True,
            ),
        ),
    ]
