from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0008_mail_events"),
    ]

    operations = [
        migrations.AlterField(
            model_name="providerevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("message_status", "Message status"),
                    ("message_inbound", "Inbound message"),
                    ("call_status", "Call status"),
                    ("source_changed", "ServiceTitan change hint"),
                    ("mail_event", "Email event"),
                    ("mail_inbound", "Inbound email"),
                ],
                max_length=20,
            ),
        ),
    ]
