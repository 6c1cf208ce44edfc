from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # built beside a running system

    dependencies = [("conversations", "0022_links_in_messages")]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=models.Q(("clicked_at__isnull", False)),
                fields=["lane", "clicked_at"],
                name="message_clicked",
            ),
        ),
    ]
