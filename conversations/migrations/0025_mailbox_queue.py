from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """A lane's emails may leave from several mailboxes: each is looked for at its own place."""

    atomic = False
    dependencies = [
        ("conversations", "0024_brand_logo"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=Q(("due_at__isnull", False), ("mailbox__isnull", False)),
                fields=["lane", "mailbox", "due_at"],
                name="message_mailbox_queue",
            ),
        ),
        RemoveIndexConcurrently(model_name="message", name="message_email_queue"),
    ]
