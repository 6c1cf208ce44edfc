"""How an account's emails and the pages behind their links look."""

from django.db import models
from django.db.models import Q

from common import clock

DEFAULT_COLOUR = "#1f5f8b"


class Brand(models.Model):
    """The account's colour, its logo, and the phone that its emails invite to call. An account without a row
    has the default colour, its name for a logo, and no phone.

    Any colour will do: letters on it and in it are made readable where an email is put together.
    """

    account = models.OneToOneField(
        "accounts.Account", on_delete=models.CASCADE, primary_key=True, related_name="brand"
    )
    colour = models.CharField(max_length=7, default=DEFAULT_COLOUR)
    phone = models.CharField(max_length=16, blank=True, default="", help_text="E.164")
    logo = models.ForeignKey(
        "conversations.MediaFile", null=True, blank=True, on_delete=models.PROTECT, db_index=False,
        related_name="+",
    )  # fmt: skip
    changed_at = models.DateTimeField(default=clock.now)
    changed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(colour__regex=r"^#[0-9a-f]{6}$"), name="brand_colour"),
            models.CheckConstraint(
                condition=Q(phone="") | Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"), name="brand_phone"
            ),
        ]

    def __str__(self) -> str:
        return self.colour
