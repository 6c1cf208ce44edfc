import django.db.models.deletion
from django.db import migrations, models


def to_call(on_delete, help_text=""):  # type: ignore[no-untyped-def]
    return models.ForeignKey(
        blank=True, null=True, on_delete=on_delete, related_name="+", to="conversations.call",
        help_text=help_text,
    )  # fmt: skip


KEPT, GOES = django.db.models.deletion.PROTECT, django.db.models.deletion.SET_NULL


class Migration(migrations.Migration):
    """Calls win jobs as messages do, and tie jobs to us."""

    dependencies = [("analytics", "0016_calls"), ("conversations", "0031_calls_of_planned")]

    operations = [
        migrations.AddField(
            model_name="jobcredit",
            name="phone_call",
            field=to_call(GOES, "The call that won it, where no message did"),
        ),
        migrations.AddField(
            model_name="jobcredit",
            name="talk",
            field=to_call(GOES, "Our own call, or one to us, in which it was made"),
        ),
        migrations.AddField("jobstanding", "phone_call", to_call(GOES)),
        migrations.AddField("creditcorrection", "phone_call", to_call(KEPT)),
        migrations.AddField("creditcorrection", "was_phone_call", to_call(KEPT)),
        migrations.RemoveConstraint("creditcorrection", "credit_correction_message"),
        migrations.AddConstraint(
            model_name="creditcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("message__isnull", False), ("phone_call", None), ("verdict", "touch"))
                | models.Q(("message", None), ("phone_call__isnull", False), ("verdict", "touch"))
                | models.Q(("message", None), ("phone_call", None), ("verdict__in", ["none", "rule"])),
                name="credit_correction_touch",
            ),
        ),
        migrations.AlterField(
            model_name="creditcorrection",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("touch", "credited to a message or call"),
                    ("none", "credited to nothing of ours"),
                    ("rule", "as the rule says"),
                ],
                max_length=5,
            ),
        ),
        migrations.AlterField(
            model_name="jobcredit",
            name="link",
            field=models.CharField(
                help_text="What ties the job to us: booking, thread, call, talk, or a correction",
                max_length=20,
            ),
        ),
    ]
