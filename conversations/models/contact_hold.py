from django.db import models
from django.db.models import Q

from common import clock


class ContactHold(models.Model):
    """A reply holds the contact's other campaigns: no automated touch but on `except_lane` until `until`."""

    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, related_name="holds")
    except_lane = models.ForeignKey("conversations.Lane", null=True, blank=True, on_delete=models.SET_NULL)
    message = models.ForeignKey("conversations.Message", null=True, blank=True, on_delete=models.SET_NULL)
    reason = models.CharField(max_length=60)
    at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    account_path = "contact__account"

    class Meta:
        indexes = [
            models.Index(fields=["contact", "until"], name="hold_open", condition=Q(resolved_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} until {self.until:%Y-%m-%d %H:%M}"
