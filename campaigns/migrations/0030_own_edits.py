from django.db import migrations, models
from django.db.models import Value


class Migration(migrations.Migration):
    """Who edited in which tab, and which edit a revision takes back or does again. The columns that said so
    until now (`touched`, `back`, `forward`) stay for the release that still runs, and are named no more."""

    dependencies = [("campaigns", "0029_retries")]
    operations = [
        migrations.AddField(
            model_name="workflowrevision",
            name="undid",
            field=models.PositiveIntegerField(
                blank=True, null=True, help_text="Number of the edit taken back"
            ),
        ),
        migrations.AddField(
            model_name="workflowrevision",
            name="redid",
            field=models.PositiveIntegerField(
                blank=True, null=True, help_text="Number of the edit done again"
            ),
        ),
        migrations.AddField(
            model_name="workflowrevision",
            name="tab",
            field=models.CharField(blank=True, db_default="", default="", max_length=16),
        ),
        migrations.AddField(
            model_name="messagedraft",
            name="tab",
            field=models.CharField(blank=True, db_default="", default="", max_length=16),
        ),
        migrations.AlterField(
            model_name="workflowrevision",
            name="touched",
            field=models.JSONField(default=list, db_default=Value([], models.JSONField())),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="workflowrevision", name="touched"),
                migrations.RemoveField(model_name="workflowrevision", name="back"),
                migrations.RemoveField(model_name="workflowrevision", name="forward"),
            ]
        ),
    ]
