from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Finds contacts that are older than the note of their jobs and visits; a task looks, slice by slice."""

    atomic = False
    dependencies = [("audiences", "0033_visits_noted")]
    operations = [
        AddIndexConcurrently(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("visits_noted_at__isnull", True)),
                fields=["account", "servicetitan_customer_id"],
                name="contact_unnoted",
            ),
        ),
    ]
