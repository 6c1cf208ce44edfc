from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who credits jobs asks by the invoice that another adjusts, and by the call a job came from."""

    atomic = False
    dependencies = [("audiences", "0030_invoice_adjustments")]
    operations = [
        AddIndexConcurrently(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("adjusts_servicetitan_id__isnull", False)),
                fields=["account", "adjusts_servicetitan_id"],
                name="invoice_adjusts",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(("servicetitan_lead_call_id__isnull", False)),
                fields=["account", "servicetitan_lead_call_id"],
                name="job_lead_call",
            ),
        ),
    ]
