from django.db import migrations, models


class Migration(migrations.Migration):
    """Who counts or deletes planned calls finds those of a campaign, and the tries of each: the other indexes
    hold some of them only."""

    dependencies = [("conversations", "0030_calls")]

    operations = [
        migrations.AddIndex(
            model_name="plannedcall",
            index=models.Index(fields=["lane"], name="plannedcall_lane"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                fields=["planned"], name="call_of_planned", condition=models.Q(("planned__isnull", False))
            ),
        ),
    ]
