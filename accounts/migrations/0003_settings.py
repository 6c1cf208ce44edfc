from django.db import migrations, models


class Migration(migrations.Migration):
    """What Settings keeps: a person's theme, invitations and disabled members, and where an act came from."""

    dependencies = [("accounts", "0002_audit_entries_never_change")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="theme",
            field=models.CharField(
                choices=[("system", "Like my device"), ("light", "Light"), ("dark", "Dark")],
                db_default="system",
                default="system",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("theme__in", ["system", "light", "dark"])), name="user_theme_known"
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="invited_at",
            field=models.DateTimeField(
                blank=True, help_text="when the last link to choose a password was mailed", null=True
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="disabled_at",
            field=models.DateTimeField(
                blank=True, help_text="set: cannot enter this account, keeps the role", null=True
            ),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="ip",
            field=models.GenericIPAddressField(
                blank=True, help_text="the client that asked; empty: no request", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["account", "by", "-at"], name="audit_entry_of_person"),
        ),
    ]
