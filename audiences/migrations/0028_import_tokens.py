from django.db import migrations, models


class Migration(migrations.Migration):
    """However often somebody clicks, a file comes once."""

    dependencies = [("audiences", "0027_contact_merged")]
    operations = [
        migrations.AddField(
            model_name="contactimport",
            name="token",
            field=models.UUIDField(
                blank=True, help_text="Names one opening of the form it came with", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="contactimport",
            constraint=models.UniqueConstraint(fields=("account", "token"), name="contact_import_token"),
        ),
    ]
