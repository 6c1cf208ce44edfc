from django.db import migrations, models


class Migration(migrations.Migration):
    """When keys that customers pressed when they called us, and that break us, are asked about again."""

    dependencies = [("conversations", "0037_lists_of_calls")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="keys_broke_at",
            field=models.DateTimeField(
                blank=True, null=True, help_text="When what it pressed could last not be acted upon"
            ),
        ),
    ]
