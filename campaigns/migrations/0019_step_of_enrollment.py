"""One foreign key of steps in place of two: enrollment and campaign together, so that they agree."""

import django.db.models.deletion
from django.db import migrations, models

ADD = """
ALTER TABLE campaigns_step ADD CONSTRAINT step_of_enrollment FOREIGN KEY (enrollment_id, campaign_id)
REFERENCES campaigns_enrollment (id, campaign_id) DEFERRABLE INITIALLY DEFERRED NOT VALID
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0018_enrollment_in_campaign")]

    operations = [
        migrations.RunSQL(ADD, "ALTER TABLE campaigns_step DROP CONSTRAINT step_of_enrollment"),
        migrations.AlterField(
            model_name="step",
            name="campaign",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="campaigns.campaign",
            ),
        ),
        migrations.AlterField(
            model_name="step",
            name="enrollment",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="campaigns.enrollment",
            ),
        ),
    ]
