from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0028_email_threads"),
    ]

    operations = [ValidateConstraint(model_name="thread", name="thread_sender")]
