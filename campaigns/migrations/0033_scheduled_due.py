from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0032_number_pools")]

    operations = [
        AddConstraintNotValid(
            model_name="step",
            constraint=models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(due_at__isnull=False), name="step_scheduled_due"
            ),
        )
    ]
