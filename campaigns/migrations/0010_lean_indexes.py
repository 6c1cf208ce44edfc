import django.db.models.deletion
from django.db import migrations, models

# As in conversations: dead rows are vacuumed by count, and a step has some room to be finished in place.
_STORAGE = """
ALTER TABLE campaigns_step SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE campaigns_enrollment SET (autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
"""
_AS_BEFORE = """
ALTER TABLE campaigns_step RESET (fillfactor, autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay);
ALTER TABLE campaigns_enrollment RESET (autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audiences", "0016_consents_of_wrong_numbers"),
        ("campaigns", "0009_update_contact"),
        ("conversations", "0007_sending_pause_and_footer"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="enrollment",
            name="enrollment_live_phone",
        ),
        migrations.AlterField(
            model_name="enrollment",
            name="address",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="enrollments",
                to="audiences.address",
            ),
        ),
        migrations.AlterField(
            model_name="exclusion",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="exclusions",
                to="campaigns.campaign",
            ),
        ),
        migrations.AlterField(
            model_name="exclusion",
            name="contact",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, to="audiences.contact"
            ),
        ),
        migrations.AddConstraint(
            model_name="enrollment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")),
                fields=("address", "campaign"),
                name="enrollment_live_phone",
            ),
        ),
        migrations.RunSQL(_STORAGE, _AS_BEFORE),
    ]
