from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0013_recheck"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="spam_reported_at",
            field=models.DateTimeField(
                blank=True, help_text="When whoever got this email called it spam", null=True
            ),
        ),
        AddConstraintNotValid(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("spam_reported_at__isnull", True), ("state", "delivered"), _connector="OR"
                ),
                name="message_spam_arrived",
            ),
        ),
    ]
