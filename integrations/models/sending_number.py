"""The numbers an account texts and calls from."""

from django.db import models
from django.db.models import Q

from common import clock


class SendingNumberQuerySet(models.QuerySet["SendingNumber"]):
    """Questions asked of sending numbers."""

    def active(self) -> "SendingNumberQuerySet":
        """Numbers that may send now."""
        return self.filter(active=True)

    def receiving(self, e164: str) -> "SendingNumber | None":
        """The number an inbound was sent to, switched off or not; it decides the account."""
        return self.filter(e164=e164).select_related("account").first()


class SendingNumber(models.Model):
    """One number of ours. Unique in the deployment, because an inbound text carries nothing else."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="sending_numbers")
    connection = models.ForeignKey(
        "integrations.Connection",
        on_delete=models.PROTECT,
        related_name="sending_numbers",
    )
    e164 = models.CharField(max_length=16, unique=True)
    label = models.CharField(max_length=80, blank=True, default="")
    provider_sid = models.CharField(max_length=64, blank=True, default="")
    # What the carrier releases: long code 1, toll-free about 3, short code 10 to 100 and more.
    segments_per_second = models.PositiveIntegerField(default=1)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = SendingNumberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(e164__regex=r"^\+[1-9][0-9]{6,14}$"),
                name="sendingnumber_e164",
            ),
            models.CheckConstraint(
                condition=Q(segments_per_second__gt=0),
                name="sendingnumber_rate_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.e164
