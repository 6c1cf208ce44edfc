"""By which messages are found in steps and enrollments, so that deleting one does not read either whole."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("audiences", "0016_consents_of_wrong_numbers"),
        ("campaigns", "0012_send_email"),
        ("conversations", "0012_listening"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="enrollment",
            index=models.Index(
                condition=models.Q(("reply__isnull", False)), fields=["reply"], name="enrollment_reply"
            ),
        ),
        AddIndexConcurrently(
            model_name="step",
            index=models.Index(
                condition=models.Q(("message__isnull", False)), fields=["message"], name="step_message"
            ),
        ),
    ]
