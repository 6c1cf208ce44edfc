from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The folders of the inbox in their order, so that a page of them costs a page."""

    atomic = False
    dependencies = [("conversations", "0025_mailbox_queue")]
    operations = [
        AddIndexConcurrently(
            model_name="thread",
            index=models.Index(
                condition=models.Q(("needs_reply", True), models.Q(("escalated_reason", ""), _negated=True)),
                fields=["account", "last_inbound_at"],
                name="thread_escalated",
            ),
        ),
        AddIndexConcurrently(
            model_name="thread",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["account", "-last_message_at"],
                name="thread_open",
            ),
        ),
        AddIndexConcurrently(
            model_name="thread",
            index=models.Index(
                condition=models.Q(("assigned_to__isnull", False), ("state", "open")),
                fields=["assigned_to", "-last_message_at"],
                name="thread_of_person",
            ),
        ),
    ]
