from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Reverse


class Address(models.Model):
    """One phone (E.164) or mailbox of an account. Several contacts may share it.

    Its row is the lock that a claim and an opt-out both take: whoever commits second sees the first.
    """

    class Channel(models.TextChoices):
        PHONE = "phone"
        EMAIL = "email"

    class LineType(models.TextChoices):
        UNKNOWN = "unknown"
        MOBILE = "mobile"
        LANDLINE = "landline"
        VOIP = "voip"

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="addresses", db_index=False
    )  # address_value begins with it
    channel = models.CharField(max_length=5, choices=Channel)
    value = models.CharField(max_length=254)
    line_type = models.CharField(max_length=8, choices=LineType, default=LineType.UNKNOWN)
    unreachable_since = models.DateTimeField(null=True, blank=True)
    unreachable_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            # The last digits of a phone, the beginning of a mailbox: what people remember of them.
            models.Index(
                F("account"),
                OpClass(
                    Case(When(channel="phone", then=Reverse("value")), default=F("value")),
                    name="text_pattern_ops",
                ),
                name="address_sought",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "channel", "value"], name="address_value"),
            models.CheckConstraint(condition=Q(channel__in=["phone", "email"]), name="address_channel"),
            models.CheckConstraint(
                condition=~Q(channel="phone") | Q(value__regex=r"^\+[1-9][0-9]{6,14}$"), name="address_e164"
            ),
        ]

    def __str__(self) -> str:
        return self.value
