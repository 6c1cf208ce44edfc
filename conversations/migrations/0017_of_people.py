from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("conversations", "0016_lists_behind_numbers"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=Q(("kind", "agent")), fields=["account", "created_at"], name="message_of_people"
            ),
        ),
    ]
