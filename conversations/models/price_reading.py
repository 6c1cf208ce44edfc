"""How far a number's list of sent texts was read for their prices."""

from django.db import models


class PriceReading(models.Model):
    """One per number: what was created before `read_until` need not be read again."""

    account_path = "number__account"

    number = models.OneToOneField(
        "integrations.SendingNumber", on_delete=models.CASCADE, primary_key=True, related_name="price_reading"
    )
    read_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"prices until {self.read_until:%Y-%m-%d %H:%M}"
