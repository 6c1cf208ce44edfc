import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes that answer what audiences ask without the rows; those that they replace, and three that nobody
    seeks by, go."""

    atomic = False
    dependencies = [("audiences", "0024_contact_imports")]
    operations = [
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                condition=models.Q(("status", "Canceled"), _negated=True),
                fields=["account", "starts_at"],
                include=("servicetitan_job_id",),
                name="appointment_at",
            ),
        ),
        AddIndexConcurrently(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("active", True)),
                fields=["account", "last_job_at"],
                include=("id", "servicetitan_customer_id", "kind", "do_not_service"),
                name="contact_by_last_job",
            ),
        ),
        AddIndexConcurrently(
            model_name="estimate",
            index=models.Index(
                condition=models.Q(("active", True), ("status", "Open")),
                fields=["account", "created_on"],
                include=("servicetitan_customer_id",),
                name="estimate_still_open",
            ),
        ),
        AddIndexConcurrently(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("active", True), ("balance__gt", 0)),
                fields=["account", "due_at"],
                include=("servicetitan_customer_id", "balance"),
                name="invoice_still_unpaid",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                fields=["account", "servicetitan_customer_id", "created_on"],
                include=("completed_on", "job_type", "business_unit", "status", "active", "total"),
                name="job_of_customer",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(("active", True), models.Q(("status", "Canceled"), _negated=True)),
                fields=["account", "job_type", "completed_on"],
                include=("servicetitan_customer_id", "business_unit", "created_on"),
                name="job_of_type",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(("active", True), models.Q(("status", "Canceled"), _negated=True)),
                fields=["account", "business_unit", "servicetitan_customer_id"],
                name="job_of_unit",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(("active", True), ("recall_for_servicetitan_id__isnull", False)),
                fields=["account", "servicetitan_customer_id"],
                include=("created_on", "completed_on", "status"),
                name="job_recalled",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="contact",
            name="contact_last_job",
        ),
        RemoveIndexConcurrently(
            model_name="estimate",
            name="estimate_open",
        ),
        RemoveIndexConcurrently(
            model_name="invoice",
            name="invoice_unpaid",
        ),
        RemoveIndexConcurrently(
            model_name="job",
            name="job_customer",
        ),
        RemoveIndexConcurrently(
            model_name="job",
            name="job_recall",
        ),
        migrations.AlterField(
            model_name="job",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="jobs",
                to="accounts.account",
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="business_unit",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="accounts.businessunit",
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="job_type",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="audiences.jobtype",
            ),
        ),
    ]
