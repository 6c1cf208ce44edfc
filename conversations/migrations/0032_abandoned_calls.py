from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("conversations", "0031_calls_of_planned"),
        ("integrations", "0008_mail_events"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="safetypause",
            name="safetypause_rule",
        ),
        migrations.AlterField(
            model_name="safetypause",
            name="rule",
            field=models.CharField(
                choices=[
                    ("failures", "Too many texts failed"),
                    ("opt_outs", "Too many people opted out"),
                    ("bounces", "Too many emails bounced"),
                    ("complaints", "Too many people called it spam"),
                    ("abandoned", "Too many answered calls had nobody to talk to"),
                    ("code", "The provider refused the sender"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("abandoned_at__isnull", False)),
                fields=["abandoned_at"],
                name="call_abandoned",
            ),
        ),
        migrations.AddConstraint(
            model_name="safetypause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rule__in", ["failures", "opt_outs", "bounces", "complaints", "abandoned", "code"])
                ),
                name="safetypause_rule",
            ),
        ),
    ]
