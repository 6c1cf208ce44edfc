"""The numbers an account texts and calls from."""

from django.db import models
from django.db.models import Q

from common import clock
from common.loopback import is_loopback
from integrations import carrier_limits


class SendingNumberQuerySet(models.QuerySet["SendingNumber"]):
    """Questions asked of sending numbers."""

    def active(self) -> "SendingNumberQuerySet":
        """Numbers that may send now."""
        return self.filter(active=True)

    def receiving(self, e164: str) -> "SendingNumber | None":
        """The number an inbound was sent to, switched off or not; it decides the account."""
        return self.filter(e164=e164).select_related("account").first()


class SendingNumber(models.Model):
    """One number of ours. Unique in the deployment, because an inbound text carries nothing else.

    What the carriers' registry says of it is kept as a person found it at the provider.
    """

    class Registration(models.TextChoices):
        NOT_NEEDED = "not_needed", "Not needed"
        UNKNOWN = "unknown", "Not known"
        NOT_REGISTERED = "not_registered", "Not registered"
        PENDING = "pending", "Pending"
        REGISTERED = "registered", "Registered"
        REJECTED = "rejected", "Rejected"

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
    registration = models.CharField(
        max_length=14, choices=Registration, default=Registration.UNKNOWN, db_default=Registration.UNKNOWN
    )
    brand_id = models.CharField(max_length=64, blank=True, default="", db_default="")
    registered_campaign_id = models.CharField(max_length=64, blank=True, default="", db_default="")
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    limit_class = models.CharField(
        max_length=16,
        choices=[(limit.key, limit.name) for limit in carrier_limits.LIMITS],
        blank=True,
        default="",
        db_default="",
    )
    daily_cap = models.PositiveIntegerField(
        null=True, blank=True, help_text="Segments a carrier's day of the whole brand; none where empty"
    )
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
            models.CheckConstraint(
                condition=Q(
                    registration__in=[
                        "not_needed", "unknown", "not_registered", "pending", "registered", "rejected"
                    ]
                ),
                name="sendingnumber_registration",
            ),
            models.CheckConstraint(
                condition=Q(limit_class__in=["", *carrier_limits.BY_KEY]), name="sendingnumber_limit_class"
            ),
            models.CheckConstraint(
                condition=Q(daily_cap=None) | Q(daily_cap__gt=0), name="sendingnumber_cap_positive"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.label or self.e164

    @property
    def kind(self) -> str:
        """Local, toll-free or short code, as its digits say (`carrier_limits.kind_of`)."""
        return carrier_limits.kind_of(self.e164)

    @property
    def simulated(self) -> bool:
        """Whether its texts stay on this machine. Reads the connection."""
        return is_loopback(str(self.connection.settings.get("base_url", "")))

    @property
    def registration_state(self) -> str:
        """What is known of its registration; a simulated number needs none."""
        return self.Registration.NOT_NEEDED if self.simulated else self.registration
