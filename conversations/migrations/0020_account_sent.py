from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0019_brand")]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=Q(("accepted_at__isnull", False)),
                fields=["account", "accepted_at"],
                name="message_account_sent",
            ),
        ),
    ]
