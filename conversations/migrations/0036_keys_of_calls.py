from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0035_calls_ended_by_us")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="keys_read_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the provider was asked for keys that nobody here had heard",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(
                    ("agent_phone", ""),
                    ("answered_at__isnull", False),
                    ("direction", "out"),
                    ("ended_at__isnull", False),
                    ("keys_read_at__isnull", True),
                ),
                fields=["ended_at"],
                name="call_keys_unread",
            ),
        ),
    ]
