from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("campaigns", "0016_lists_behind_numbers"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="enrollment",
            index=models.Index(
                condition=Q(("returning", True)),
                fields=["campaign", "entered_at"],
                name="enrollment_returning",
            ),
        ),
    ]
