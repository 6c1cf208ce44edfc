import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import common.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_audit_seals"),
        ("audiences", "0034_contacts_unnoted"),
        ("conversations", "0029_email_threads_checked"),
        ("integrations", "0008_mail_events"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CallScript",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("content", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=common.clock.now)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.account"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CallSettings",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("office_line", models.CharField(blank=True, default="", help_text="E.164", max_length=16)),
                (
                    "transfer_to",
                    models.CharField(
                        choices=[
                            ("office", "The office line"),
                            ("agents", "Available agents"),
                            ("both", "Available agents, then the office line"),
                        ],
                        default="office",
                        max_length=6,
                    ),
                ),
                (
                    "ring_seconds",
                    models.PositiveSmallIntegerField(
                        default=20,
                        help_text="Transfers and customers' calls; at least 15 s: 16 CFR 310.4(b)(4)",
                        validators=[
                            django.core.validators.MinValueValidator(15),
                            django.core.validators.MaxValueValidator(60),
                        ],
                    ),
                ),
                (
                    "most_at_once",
                    models.PositiveSmallIntegerField(
                        default=5,
                        help_text="Scripted calls going on at once",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "per_second",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="Calls placed a second: 1 unless the provider approved more",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(30),
                        ],
                    ),
                ),
                ("records", models.BooleanField(default=False)),
                (
                    "recording_notice",
                    models.CharField(
                        default="This call may be recorded.",
                        help_text="Said first where calls are recorded, as two-party states want",
                        max_length=200,
                    ),
                ),
                (
                    "missed_words",
                    models.CharField(
                        blank=True,
                        default="Sorry, nobody can take your call now. Please leave a message after the tone.",  # noqa: E501
                        help_text="Said to a customer whose call nobody takes",
                        max_length=300,
                    ),
                ),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="call_settings",
                        to="accounts.account",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PlannedCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("campaign", "Campaign"),
                            ("call_back", "Asked for a call back"),
                            ("agent", "An agent’s own"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("person", "By a person"), ("script", "By a script")], max_length=6
                    ),
                ),
                ("origin", models.CharField(blank=True, max_length=64, null=True)),
                (
                    "variables",
                    models.JSONField(
                        blank=True, help_text="Merge fields as they were when planned", null=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("taken", "Taken"),
                            ("calling", "Calling"),
                            ("unknown", "Unknown"),
                            ("called", "Called"),
                            ("failed", "Failed"),
                            ("rejected", "Rejected"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=9,
                    ),
                ),
                ("state_at", models.DateTimeField(default=common.clock.now)),
                ("created_at", models.DateTimeField(default=common.clock.now)),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, help_text="Not before; null once out of the queue", null=True
                    ),
                ),
                ("send_by", models.DateTimeField(blank=True, null=True)),
                (
                    "unless_booked_since",
                    models.DateTimeField(
                        blank=True,
                        help_text="Not called where a job was made since then; null: in any case",
                        null=True,
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(
                        db_default=0, default=0, help_text="Calls that were placed"
                    ),
                ),
                (
                    "first_accepted_at",
                    models.DateTimeField(
                        blank=True, help_text="When the carrier took its first try", null=True
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("answered", "Answered"),
                            ("voicemail", "Left a voicemail"),
                            ("no_answer", "No answer"),
                            ("busy", "Busy"),
                            ("booked", "Booked"),
                            ("call_back", "Asked for a call back"),
                        ],
                        db_default="",
                        default="",
                        max_length=9,
                    ),
                ),
                (
                    "opted_out_at",
                    models.DateTimeField(blank=True, help_text="The opt-out that answered it", null=True),
                ),
                ("taken_until", models.DateTimeField(blank=True, null=True)),
                ("code", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=300)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="accounts.account"
                    ),
                ),
                (
                    "address",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="audiences.address"),
                ),
                (
                    "contact",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="audiences.contact"),
                ),
                (
                    "lane",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="conversations.lane"
                    ),
                ),
                (
                    "number",
                    models.ForeignKey(
                        db_index=False,
                        help_text="What the customer sees calling",
                        on_delete=django.db.models.deletion.PROTECT,
                        to="integrations.sendingnumber",
                    ),
                ),
                (
                    "outcome_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "script",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="conversations.callscript",
                    ),
                ),
                (
                    "taken_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Call",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("try_number", models.PositiveSmallIntegerField(db_default=1, default=1)),
                ("attempt", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("direction", models.CharField(choices=[("out", "Out"), ("in", "In")], max_length=3)),
                ("agent_phone", models.CharField(blank=True, db_default="", default="", max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("calling", "Calling"),
                            ("accepted", "Accepted"),
                            ("ringing", "Ringing"),
                            ("in_progress", "In Progress"),
                            ("completed", "Completed"),
                            ("busy", "Busy"),
                            ("no_answer", "No Answer"),
                            ("failed", "Failed"),
                            ("rejected", "Rejected"),
                            ("cancelled", "Cancelled"),
                            ("unknown", "Unknown"),
                            ("refused", "Refused"),
                        ],
                        max_length=11,
                    ),
                ),
                ("state_at", models.DateTimeField(default=common.clock.now)),
                ("created_at", models.DateTimeField(default=common.clock.now)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "accepted_at",
                    models.DateTimeField(blank=True, help_text="When the carrier took it", null=True),
                ),
                (
                    "answered_at",
                    models.DateTimeField(
                        blank=True, help_text="When the customer's side answered", null=True
                    ),
                ),
                (
                    "connected_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When customer and agent or office could hear each other",
                        null=True,
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "seconds",
                    models.PositiveIntegerField(
                        blank=True, help_text="How long the customer's side lasted", null=True
                    ),
                ),
                ("provider", models.CharField(db_default="twilio", default="twilio", max_length=12)),
                ("provider_id", models.CharField(blank=True, max_length=64, null=True)),
                ("customer_leg_id", models.CharField(blank=True, max_length=64, null=True)),
                (
                    "sequence",
                    models.IntegerField(db_default=-1, default=-1, help_text="Last SequenceNumber applied"),
                ),
                ("answered_by", models.CharField(blank=True, db_default="", default="", max_length=20)),
                ("digits", models.CharField(blank=True, db_default="", default="", max_length=20)),
                ("outcome", models.CharField(blank=True, db_default="", default="", max_length=9)),
                (
                    "transferred_at",
                    models.DateTimeField(blank=True, help_text="When a transfer began to ring", null=True),
                ),
                (
                    "abandoned_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When a person had answered and for 2 s had nobody to talk to",
                        null=True,
                    ),
                ),
                (
                    "opted_out_at",
                    models.DateTimeField(blank=True, help_text="The opt-out made on this call", null=True),
                ),
                ("booked_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True, db_default="", default="")),
                ("recording_id", models.CharField(blank=True, db_default="", default="", max_length=64)),
                ("recording_seconds", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "valid_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="After this an unknown call has certainly not been placed",
                        null=True,
                    ),
                ),
                ("code", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=300)),
                ("unknown_polls", models.PositiveSmallIntegerField(db_default=0, default=0)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="accounts.account"
                    ),
                ),
                (
                    "address",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="audiences.address"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The agent who called or took the call",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="audiences.contact",
                    ),
                ),
                (
                    "number",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="integrations.sendingnumber",
                    ),
                ),
                (
                    "planned",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calls",
                        to="conversations.plannedcall",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AgentPhone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("phone", models.CharField(help_text="E.164", max_length=16)),
                ("available_since", models.DateTimeField(blank=True, null=True)),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="agent_phones",
                        to="accounts.account",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="agent_phones",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "user"), name="agentphone_once"),
                    models.CheckConstraint(
                        condition=models.Q(("phone__regex", "^\\+[1-9]\\d{6,14}$")), name="agentphone_e164"
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="callscript",
            constraint=models.UniqueConstraint(fields=("account", "sha256"), name="callscript_content"),
        ),
        migrations.AddConstraint(
            model_name="callsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("ring_seconds__range", (15, 60))), name="callsettings_ring"
            ),
        ),
        migrations.AddConstraint(
            model_name="callsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("most_at_once__range", (1, 100))), name="callsettings_at_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="callsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_second__range", (1, 30))), name="callsettings_pace"
            ),
        ),
        migrations.AddConstraint(
            model_name="callsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("transfer_to__in", ["office", "agents", "both"])),
                name="callsettings_transfer",
            ),
        ),
        migrations.AddIndex(
            model_name="plannedcall",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)),
                fields=["lane", "mode", "due_at"],
                name="plannedcall_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="plannedcall",
            index=models.Index(
                condition=models.Q(("first_accepted_at__isnull", False)),
                fields=["account", "first_accepted_at"],
                name="plannedcall_account",
            ),
        ),
        migrations.AddIndex(
            model_name="plannedcall",
            index=models.Index(
                condition=models.Q(("taken_by__isnull", False)),
                fields=["taken_by"],
                name="plannedcall_taken_by",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.UniqueConstraint(fields=("origin",), name="plannedcall_origin"),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "queued",
                            "taken",
                            "calling",
                            "unknown",
                            "called",
                            "failed",
                            "rejected",
                            "expired",
                            "cancelled",
                        ],
                    )
                ),
                name="plannedcall_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ["person", "script"])), name="plannedcall_mode"
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["campaign", "call_back", "agent"])), name="plannedcall_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__in", ["", "answered", "voicemail", "no_answer", "busy", "booked", "call_back"])
                ),
                name="plannedcall_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "called"), ("outcome", ""), _connector="XOR"),
                name="plannedcall_called_has_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["queued", "taken"]), _negated=True),
                    ("due_at__isnull", False),
                    _connector="OR",
                ),
                name="plannedcall_queued_is_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("taken_by__isnull", True), ("taken_until__isnull", True)),
                    ("taken_by__isnull", False),
                    _connector="OR",
                ),
                name="plannedcall_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "taken"), _negated=True),
                    ("taken_until__isnull", False),
                    _connector="OR",
                ),
                name="plannedcall_lease",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("claimed_at__isnull", False)),
                fields=["claimed_at"],
                name="call_in_flight",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["account", "created_at"], name="call_of_account"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["address", "created_at"], name="call_history"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("customer_leg_id__isnull", False)),
                fields=["customer_leg_id"],
                name="call_customer_leg",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["calling", "unknown", "accepted", "ringing", "in_progress"])
                ),
                fields=["number", "state"],
                name="call_live_of_number",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(condition=models.Q(("by__isnull", False)), fields=["by"], name="call_by"),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "refused"), _negated=True),
                fields=("planned", "try_number"),
                name="call_one_per_try",
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ["calling", "unknown", "accepted", "ringing", "in_progress"])
                ),
                fields=("planned",),
                name="call_one_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_id__isnull", False)),
                fields=("provider", "provider_id"),
                name="call_provider_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "calling",
                            "accepted",
                            "ringing",
                            "in_progress",
                            "completed",
                            "busy",
                            "no_answer",
                            "failed",
                            "rejected",
                            "cancelled",
                            "unknown",
                            "refused",
                        ],
                    )
                ),
                name="call_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.CheckConstraint(
                condition=models.Q(("direction__in", ["out", "in"])), name="call_direction"
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.CheckConstraint(
                condition=models.Q(("direction", "out"), ("planned__isnull", True), _connector="OR"),
                name="call_inbound_unplanned",
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__in", ["", "answered", "voicemail", "no_answer", "busy", "booked", "call_back"])
                ),
                name="call_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="call",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("connected_at__isnull", True), ("answered_at__isnull", False), _connector="OR"
                ),
                name="call_connected_answered",
            ),
        ),
    ]
