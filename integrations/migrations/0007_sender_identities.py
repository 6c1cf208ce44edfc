import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """A handful of rows per account: every change is over at once. The release that still runs knows one
    mailbox an account, which stays the one without a business unit."""

    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("integrations", "0006_rate_table"),
    ]

    operations = [
        migrations.AddField(
            model_name="sendingmailbox",
            name="business_unit",
            field=models.ForeignKey(
                blank=True,
                help_text="Blank: the account's own, for all that have none",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sending_mailboxes",
                to="accounts.businessunit",
            ),
        ),
        migrations.AddField(
            model_name="sendingmailbox",
            name="reply_to",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Blank: answers go to `email`",
                max_length=254,
            ),
        ),
        migrations.AddConstraint(
            model_name="sendingmailbox",
            constraint=models.UniqueConstraint(
                condition=Q(("business_unit", None)), fields=("account",), name="sendingmailbox_one_default"
            ),
        ),
        migrations.AddConstraint(
            model_name="sendingmailbox",
            constraint=models.UniqueConstraint(
                condition=Q(("business_unit__isnull", False)),
                fields=("account", "business_unit"),
                name="sendingmailbox_one_per_unit",
            ),
        ),
        migrations.AddConstraint(
            model_name="sendingmailbox",
            constraint=models.CheckConstraint(
                condition=Q(("reply_to", ""), ("reply_to__regex", r"^[^@\s]+@[^@\s]+$"), _connector="OR"),
                name="sendingmailbox_reply_to",
            ),
        ),
        migrations.RemoveConstraint(model_name="sendingmailbox", name="sendingmailbox_once_per_account"),
    ]
