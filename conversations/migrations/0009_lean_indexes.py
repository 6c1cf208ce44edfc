import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Room on the page lets what changes in a message or an attempt be written beside its former self, without
# touching an index (HOT). Dead rows are vacuumed by count, not by share: millions turn over all day.
_STORAGE = """
ALTER TABLE conversations_message SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE conversations_attempt SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
"""
_AS_BEFORE = """
ALTER TABLE conversations_message RESET (fillfactor, autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay);
ALTER TABLE conversations_attempt RESET (fillfactor, autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("audiences", "0016_consents_of_wrong_numbers"),
        ("conversations", "0008_texts_per_hour"),
        ("integrations", "0002_registration_and_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="message",
            name="message_provider_id",
        ),
        migrations.RemoveIndex(
            model_name="message",
            name="message_queue",
        ),
        migrations.RemoveIndex(
            model_name="message",
            name="message_in_flight",
        ),
        # From here on it is set only while a call is in flight or its answer is lost.
        migrations.RunSQL(
            "UPDATE conversations_message SET claimed_at = NULL"
            " WHERE claimed_at IS NOT NULL AND state NOT IN ('calling', 'unknown')",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="attempt",
            name="message",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attempts",
                to="conversations.message",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, to="accounts.account"
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="claimed_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Set while a call is in flight or its answer is lost; null else",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="lane",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="conversations.lane",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="replies_to",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="replies",
                to="conversations.message",
            ),
        ),
        migrations.AlterField(
            model_name="thread",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="threads",
                to="accounts.account",
            ),
        ),
        migrations.AlterField(
            model_name="thread",
            name="assigned_to",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="thread",
            name="contact",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="threads",
                to="audiences.contact",
            ),
        ),
        migrations.AlterField(
            model_name="thread",
            name="number",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="integrations.sendingnumber"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["lane", "due_at"], name="message_queue"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("claimed_at__isnull", False)),
                fields=["claimed_at"],
                name="message_in_flight",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("accepted_at__isnull", False)),
                fields=["lane", "accepted_at"],
                name="message_sent",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(models.Q(("kind", "campaign"), _negated=True), ("lane__isnull", False)),
                fields=["lane"],
                name="message_apart",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("replies_to__isnull", False)),
                fields=["replies_to"],
                name="message_answers",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("by__isnull", False)), fields=["by"], name="message_written_by"
            ),
        ),
        migrations.AddIndex(
            model_name="thread",
            index=models.Index(
                condition=models.Q(("assigned_to__isnull", False)),
                fields=["assigned_to"],
                name="thread_assigned",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_id__isnull", False)),
                fields=("provider", "provider_id"),
                name="message_provider_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "queued"), _negated=True), ("due_at__isnull", False), _connector="OR"
                ),
                name="message_queued_is_due",
            ),
        ),
        migrations.RunSQL(_STORAGE, _AS_BEFORE),
    ]
