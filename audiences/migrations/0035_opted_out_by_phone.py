from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("audiences", "0034_contacts_unnoted"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="optout",
            name="opt_out_source",
        ),
        migrations.AlterField(
            model_name="optout",
            name="source",
            field=models.CharField(
                choices=[
                    ("text", "Text"),
                    ("provider", "Provider"),
                    ("agent", "Agent"),
                    ("imported", "Imported"),
                    ("email", "Email"),
                    ("phone", "Phone"),
                    ("page", "Page"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="optout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("source__in", ["text", "provider", "agent", "imported", "email", "phone", "page"])
                ),
                name="opt_out_source",
            ),
        ),
    ]
