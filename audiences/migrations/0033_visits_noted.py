from django.db import migrations, models


class Migration(migrations.Migration):
    """When somebody was visited last, beside the contact; null until the sync or a task looks."""

    dependencies = [("audiences", "0032_opted_out_by_email")]
    operations = [
        migrations.AddField(
            model_name="contact",
            name="visited_at",
            field=models.DateTimeField(
                blank=True, help_text="Latest job done or visit begun by `visits_noted_at`", null=True
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="next_visit_at",
            field=models.DateTimeField(
                blank=True, help_text="First visit that had not begun by then", null=True
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="visits_noted_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the sync last looked at the visits; null: look oneself",
                null=True,
            ),
        ),
    ]
