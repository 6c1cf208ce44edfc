from django.db import migrations, models

READ_AGAIN = "UPDATE audiences_synccursor SET continue_from = '', rows = 0 WHERE entity = 'invoices'"


class Migration(migrations.Migration):
    """What invoices adjust, and their lines. All are read again to learn it of the old ones."""

    dependencies = [("audiences", "0029_job_totals")]
    operations = [
        migrations.AddField(
            model_name="invoice",
            name="adjusts_servicetitan_id",
            field=models.BigIntegerField(
                blank=True, help_text="the invoice that this one corrects", null=True
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="items",
            field=models.JSONField(
                db_default=[],
                default=list,
                help_text="what was billed: name, quantity, total in dollars as text",
            ),
        ),
        migrations.AlterField(
            model_name="invoice",
            name="active",
            field=models.BooleanField(default=True, help_text="off: voided or deleted at the source"),
        ),
        migrations.RunSQL(READ_AGAIN, migrations.RunSQL.noop),
    ]
