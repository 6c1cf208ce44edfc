import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_launch_draft")]

    operations = [
        migrations.AddIndex(
            model_name="enrollment",
            index=models.Index(fields=["campaign", "id"], name="enrollment_of_campaign"),
        ),
        migrations.AlterField(
            model_name="enrollment",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="enrollments",
                to="campaigns.campaign",
            ),
        ),
    ]
