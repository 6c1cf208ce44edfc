from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0026_call_nodes"),
    ]

    operations = [
        migrations.AddField(
            model_name="playbook",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="playbook",
            name="position",
            field=models.PositiveIntegerField(
                db_default=0, default=0, help_text="Among the account’s, then by name"
            ),
        ),
    ]
