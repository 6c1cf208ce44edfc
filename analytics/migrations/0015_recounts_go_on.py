from django.db import migrations, models


class Migration(migrations.Migration):
    """A recount goes on without a campaign that cannot be compared, and says so."""

    dependencies = [("analytics", "0014_links")]
    operations = [
        migrations.AddField(
            model_name="recountrun",
            name="parked",
            field=models.JSONField(
                blank=True, db_default=[], default=list, help_text="Campaigns given up: [campaign, why]"
            ),
        ),
        migrations.AddField(
            model_name="recountrun",
            name="tries",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="Begun for the campaign after the cursor, and not ended"
            ),
        ),
        migrations.AddField(
            model_name="recountrun",
            name="why",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="How the last of them broke off",
                max_length=300,
            ),
        ),
    ]
