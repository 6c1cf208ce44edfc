"""AuditEntry: who did what, when. Written by `accounts.audit.record`, never changed."""

from django.db import models
from django.db.models import Q

from common import clock


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Reading the log."""

    def newest(self) -> "AuditEntryQuerySet":
        """Latest first, with the person."""
        return self.select_related("by").order_by("-at", "-pk")

    def about(self, row: models.Model) -> "AuditEntryQuerySet":
        """Everything recorded about one row."""
        return self.filter(object_kind=row._meta.label_lower, object_id=str(row.pk))


class AuditEntry(models.Model):
    """One consequential act. Triggers refuse UPDATE, DELETE and TRUNCATE."""

    # PROTECT everywhere: cascading would have to change or delete entries.
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="audit_entries")
    by = models.ForeignKey(
        "accounts.User",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="empty: the product",
    )
    verb = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=80, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    summary = models.TextField()
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=clock.now)
    ip = models.GenericIPAddressField(
        null=True, blank=True, help_text="the client that asked; empty: no request"
    )

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "-at"], name="audit_entry_newest"),
            models.Index(fields=["account", "by", "-at"], name="audit_entry_of_person"),
            models.Index(fields=["object_kind", "object_id"], name="audit_entry_object"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(verb__regex=r"^[a-z][a-z_]*$"), name="audit_entry_verb_is_word"
            ),
            models.CheckConstraint(condition=~Q(summary=""), name="audit_entry_has_summary"),
            models.CheckConstraint(
                condition=Q(object_kind="", object_id="") | (~Q(object_kind="") & ~Q(object_id="")),
                name="audit_entry_object_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.summary
