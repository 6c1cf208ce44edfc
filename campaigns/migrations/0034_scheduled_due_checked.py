from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0033_scheduled_due")]

    operations = [ValidateConstraint(model_name="step", name="step_scheduled_due")]
