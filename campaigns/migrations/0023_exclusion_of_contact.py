from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Finds that a contact was left out, where it is merged into another one."""

    atomic = False
    dependencies = [("campaigns", "0022_destination_checks")]
    operations = [
        AddIndexConcurrently(
            model_name="exclusion",
            index=models.Index(fields=["contact"], name="exclusion_of_contact"),
        ),
    ]
