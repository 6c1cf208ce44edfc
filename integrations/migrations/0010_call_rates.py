from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models

OLD = {
    "segment_out": ("0.0083", "A segment sent"),
    "segment_in": ("0.0083", "A segment received"),
    "mms_out": ("0.0220", "A text with pictures sent"),
    "mms_in": ("0.0165", "A text with pictures received"),
    "carrier_fee": ("0.0030", "Carrier’s fee on a segment sent"),
    "carrier_fee_mms": ("0.0100", "Carrier’s fee on a text with pictures sent"),
    "emails_thousand": ("1.00", "A thousand emails"),
}
NEW = {
    "minute_out": ("0.0140", "A started minute of a call we make, each phone by itself"),
    "minute_in": ("0.0085", "A started minute of a customer’s call to us"),
    "machine_check": ("0.0075", "Finding out whether a machine answered a script’s call"),
    "minute_recorded": ("0.0025", "A started minute of a recording"),
}


def price(default: str, label: str) -> models.DecimalField:
    return models.DecimalField(
        verbose_name=label, max_digits=9, decimal_places=5, default=Decimal(default),
        db_default=Decimal(default),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("integrations", "0009_call_events")]

    operations = [
        *(migrations.AlterField("ratetable", name, price(*what)) for name, what in OLD.items()),
        *(migrations.AddField("ratetable", name, price(*what)) for name, what in NEW.items()),
        migrations.RemoveConstraint("ratetable", "ratetable_not_negative"),
        migrations.AddConstraint(
            "ratetable",
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__gte": 0 for name in sorted({*OLD, *NEW})}),
                name="ratetable_not_negative",
            ),
        ),
    ]
