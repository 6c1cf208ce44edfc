"""What messages and calls cost an account, as its admins know it from their contracts."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

_PRICE = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


def _price(default: str, label: str) -> models.DecimalField:
    return models.DecimalField(
        label, max_digits=9, decimal_places=5, default=Decimal(default), db_default=Decimal(default),
        validators=_PRICE,
    )  # fmt: skip


class RateTable(models.Model):
    """Prices in US dollars. What is not set is the provider's list price for United States numbers."""

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="rate_table")
    segment_out = _price("0.0083", "A segment sent")
    segment_in = _price("0.0083", "A segment received")
    mms_out = _price("0.0220", "A text with pictures sent")
    mms_in = _price("0.0165", "A text with pictures received")
    carrier_fee = _price("0.0030", "Carrier’s fee on a segment sent")
    carrier_fee_mms = _price("0.0100", "Carrier’s fee on a text with pictures sent")
    emails_thousand = _price("1.00", "A thousand emails")
    minute_out = _price("0.0140", "A started minute of a call we make, each phone by itself")
    minute_in = _price("0.0085", "A started minute of a customer’s call to us")
    machine_check = _price("0.0075", "Finding out whether a machine answered a script’s call")
    minute_recorded = _price("0.0025", "A started minute of a recording")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(segment_out__gte=0, segment_in__gte=0, mms_out__gte=0, mms_in__gte=0,
                            carrier_fee__gte=0, carrier_fee_mms__gte=0, emails_thousand__gte=0,
                            minute_out__gte=0, minute_in__gte=0, machine_check__gte=0,
                            minute_recorded__gte=0),
                name="ratetable_not_negative",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"${self.segment_out} a segment"
