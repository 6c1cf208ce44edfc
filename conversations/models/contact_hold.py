from datetime import datetime

from django.db import models
from django.db.models import Q

from common import clock


class ContactHoldQuerySet(models.QuerySet["ContactHold"]):
    """Ending holds."""

    def resolve(self, *, contact_id: int, address_id: int, now: datetime) -> int:
        """End what was held for replies from this address: what the contact wrote elsewhere is not dealt with
        yet. How many ended."""
        from_here = Q(message=None) | Q(message__address=address_id)
        return self.filter(from_here, contact=contact_id, resolved_at=None).update(resolved_at=now)


class ContactHold(models.Model):
    """A reply holds the contact's other campaigns: no automated touch but on `except_lane` until `until`."""

    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, related_name="holds")
    except_lane = models.ForeignKey("conversations.Lane", null=True, blank=True, on_delete=models.SET_NULL)
    message = models.ForeignKey("conversations.Message", null=True, blank=True, on_delete=models.SET_NULL)
    reason = models.CharField(max_length=60)
    at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = ContactHoldQuerySet.as_manager()
    account_path = "contact__account"

    class Meta:
        indexes = [
            models.Index(fields=["contact", "until"], name="hold_open", condition=Q(resolved_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} until {self.until:%Y-%m-%d %H:%M}"
