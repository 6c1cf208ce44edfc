import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0027_fetched_at_once"),
        ("integrations", "0008_mail_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReceivedEmail",
            fields=[
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="email",
                        serialize=False,
                        to="conversations.message",
                    ),
                ),
                (
                    "internet_id",
                    models.CharField(help_text="Its Message-ID, which our answer names", max_length=998),
                ),
                (
                    "whole",
                    models.TextField(
                        help_text="All of its text, quotations and signature included; cut at 100,000"
                    ),
                ),
                (
                    "attachments",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        help_text="Name, type and size of each: noted, not kept",
                    ),
                ),
                (
                    "unproven",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="The sender's domain denies having sent it",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="thread",
            name="mailbox",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="integrations.sendingmailbox",
            ),
        ),
        migrations.AlterField(
            model_name="thread",
            name="number",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="integrations.sendingnumber",
            ),
        ),
        AddConstraintNotValid(
            model_name="thread",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("mailbox__isnull", True), ("number__isnull", False)),
                    models.Q(("mailbox__isnull", False), ("number__isnull", True)),
                    _connector="OR",
                ),
                name="thread_sender",
            ),
        ),
    ]
