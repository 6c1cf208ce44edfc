from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("audiences", "0014_wrong_number"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="optout",
            index=models.Index(fields=["account", "-at", "-id"], name="opt_out_latest"),
        ),
    ]
