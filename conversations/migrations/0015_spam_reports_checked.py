from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0014_spam_reports"),
    ]

    operations = [ValidateConstraint(model_name="message", name="message_spam_arrived")]
