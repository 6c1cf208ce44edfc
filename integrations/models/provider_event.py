"""The raw inbox: what providers told us, as they told it, before anything is concluded from it."""

import re
from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection, models, transaction
from django.db.models import Q
from psycopg import sql

from common import clock

_PARTITION = re.compile(r"integrations_providerevent_(\d{4})_(\d{2})")
_LOCK_WAIT = "2s"


def month_of(instant: datetime) -> date:
    """First day of the UTC month of `instant`: the partition an event received then belongs to."""
    return date(instant.year, instant.month, 1)


class ProviderEventQuerySet(models.QuerySet["ProviderEvent"]):
    """Draining and upkeep of the inbox."""

    def claim_batch(self, kind: str, limit: int) -> list["ProviderEvent"]:
        """Up to `limit` undrained events of `kind`, oldest first, locked until the transaction ends.

        Rows another worker holds are passed over. Call it inside `transaction.atomic()`.
        """
        pending = self.filter(kind=kind, applied_at__isnull=True).order_by("id")
        return list(pending.select_for_update(skip_locked=True, no_key=True)[:limit])

    def mark_applied(self, ids: Iterable[int], *, now: datetime, outcome: str = "applied") -> int:
        """Close events with what became of them; how many were still open."""
        return self.filter(id__in=list(ids), applied_at__isnull=True).update(applied_at=now, outcome=outcome)

    def ensure_partitions(self, now: datetime) -> None:
        """Make the partitions of the month before `now`, its own and the two after, where missing.

        Rows that the default partition caught for such a month are moved into it. Cheap when nothing
        is missing; meant for an hourly task and for the first event of a month in a process.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT integrations_ensure_event_partitions(%s)", [month_of(now)])

    def drop_partitions(self, before: datetime) -> list[str]:
        """Drop the partitions of months that were over before that instant; their names.

        One with an event that nobody has applied stays. The lock that this takes keeps every event waiting,
        so it is not waited for long itself: raises OperationalError where somebody holds the table.
        """
        names = _partitions(month_of(before))
        for name in names:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
                cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        return names


def _partitions(first_kept: date) -> list[str]:
    """Partitions of the months before this one of which every event was applied."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'integrations_providerevent'::regclass ORDER BY 1"
        )
        named = [(name, _PARTITION.fullmatch(name)) for (name,) in cursor.fetchall()]
        old = [name for name, found in named if found and date(int(found[1]), int(found[2]), 1) < first_kept]
        over = []
        for name in old:
            unapplied = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} WHERE applied_at IS NULL)")
            cursor.execute(unapplied.format(sql.Identifier(name)))
            if not cursor.fetchone()[0]:
                over.append(name)
    return over


class ProviderEvent(models.Model):
    """One event of one provider. Partitioned by `month`, see the migration; a duplicate is sought in
    the month before as well (`integrations.inbox`)."""

    class Kind(models.TextChoices):
        """What the event is about; the drain claims by kind."""

        MESSAGE_STATUS = "message_status", "Message status"
        MESSAGE_INBOUND = "message_inbound", "Inbound message"
        CALL_STATUS = "call_status", "Call status"
        SOURCE_CHANGED = "source_changed", "ServiceTitan change hint"
        MAIL_EVENT = "mail_event", "Email event"
        MAIL_INBOUND = "mail_inbound", "Inbound email"

    month = models.DateField()
    provider = models.CharField(max_length=20)
    # Twilio status: sid, status and code; inbound text: sid. SendGrid: sg_event_id; inbound email: a digest.
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind)
    account = models.ForeignKey(
        "accounts.Account",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    payload = models.JSONField()
    headers = models.JSONField(default=dict)
    received_at = models.DateTimeField(default=clock.now)
    applied_at = models.DateTimeField(null=True)
    outcome = models.TextField(default="", blank=True)

    objects = ProviderEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id", "month"], name="providerevent_once"),
        ]
        indexes = [
            models.Index(
                fields=["kind", "id"],
                condition=Q(applied_at__isnull=True),
                name="providerevent_undrained",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
