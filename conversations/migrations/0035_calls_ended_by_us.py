from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0034_unit_pauses")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="hang_up_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When one of ours wished it ended; asked for until it is over",
                null=True,
            ),
        ),
    ]
