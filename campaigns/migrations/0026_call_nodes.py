from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0026_version_moves"),
    ]

    operations = [
        migrations.AlterField(
            model_name="node",
            name="kind",
            field=models.CharField(
                choices=[
                    ("send_sms", "Send Sms"),
                    ("send_email", "Send Email"),
                    ("call", "Call"),
                    ("wait", "Wait"),
                    ("wait_for_reply", "Wait For Reply"),
                    ("branch", "Branch"),
                    ("split", "Split"),
                    ("update_contact", "Update Contact"),
                    ("handoff", "Handoff"),
                    ("book_job", "Book Job"),
                    ("end", "End"),
                ],
                max_length=20,
            ),
        ),
    ]
