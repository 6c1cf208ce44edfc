"""The raw inbox: what providers told us, as they told it, before anything is concluded from it."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import connection, models
from django.db.models import Q

from common import clock


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


class ProviderEvent(models.Model):
    """One event of one provider. Partitioned by `month`, see the migration; a duplicate is sought in
    the month before as well (`integrations.inbox`)."""

    class Kind(models.TextChoices):
        """What the event is about; the drain claims by kind."""

        MESSAGE_STATUS = "message_status", "Message status"
        MESSAGE_INBOUND = "message_inbound", "Inbound message"
        SOURCE_CHANGED = "source_changed", "ServiceTitan change hint"

    month = models.DateField()
    provider = models.CharField(max_length=20)
    # Twilio status: sid, status and code; inbound text: sid.
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
