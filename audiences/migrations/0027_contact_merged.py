from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who was merged into whom: the sync asks with every page."""

    atomic = False
    dependencies = [("audiences", "0026_tags_of_jobs_and_locations")]
    operations = [
        AddIndexConcurrently(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("merged_into_servicetitan_id__isnull", False)),
                fields=["account", "servicetitan_customer_id", "merged_into_servicetitan_id"],
                name="contact_merged",
            ),
        ),
    ]
