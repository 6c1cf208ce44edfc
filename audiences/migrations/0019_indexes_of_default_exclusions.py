from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Two partial indexes, for whom audiences leave out by default."""

    atomic = False
    dependencies = [("audiences", "0018_servicetitan_work")]
    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["account", "servicetitan_customer_id"],
                name="job_open",
                condition=models.Q(
                    ("active", True), models.Q(("status__in", ["Completed", "Canceled"]), _negated=True)
                ),
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["account", "servicetitan_customer_id"],
                name="job_recall",
                condition=models.Q(("active", True), ("recall_for_servicetitan_id__isnull", False)),
            ),
        ),
    ]
