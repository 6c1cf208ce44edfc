import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("audiences", "0035_opted_out_by_phone"),
    ]

    operations = [
        # The cursor before what it brings, as a sync locks them.
        migrations.AddField(
            model_name="synccursor",
            name="shape",
            field=models.SmallIntegerField(
                db_default=0, default=0, help_text="of the rows that it brought, by servicetitan_sync.SHAPES"
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="arrives_from",
            field=models.DateTimeField(
                blank=True,
                help_text="Begin of the window told to the customer; blank: none is set",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="arrives_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="AppointmentAssignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("servicetitan_id", models.BigIntegerField()),
                ("servicetitan_appointment_id", models.BigIntegerField()),
                (
                    "technician",
                    models.CharField(
                        help_text="The technician's name, as ServiceTitan has it", max_length=120
                    ),
                ),
                (
                    "active",
                    models.BooleanField(
                        default=True, help_text="off: taken off the visit, or deleted at the source"
                    ),
                ),
                ("source_modified_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="appointment_assignments",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("active", True)),
                        fields=["account", "servicetitan_appointment_id"],
                        name="assignment_appointment",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "servicetitan_id"), name="appointment_assignment_servicetitan"
                    )
                ],
            },
        ),
    ]
