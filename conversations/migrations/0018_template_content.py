from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0017_of_people")]

    operations = [
        migrations.AddField(
            "messagetemplate",
            "content",
            models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="All its words have beside these two: other languages, an email's design, pictures",
            ),
        ),
    ]
