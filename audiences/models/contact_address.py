from django.db import models


class ContactAddress(models.Model):
    """An address of a contact, in the order in which it is tried."""

    contact = models.ForeignKey(
        "audiences.Contact",
        on_delete=models.CASCADE,
        related_name="contact_addresses",
        db_index=False,
    )
    address = models.ForeignKey(
        "audiences.Address", on_delete=models.CASCADE, related_name="contact_addresses"
    )
    position = models.PositiveSmallIntegerField(default=0)
    label = models.CharField(max_length=100, blank=True)
    do_not_text = models.BooleanField(
        default=False, help_text="ServiceTitan's flag; read-only there and here"
    )
    wrong_number_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when we know the phone for somebody else's; ours alone"
    )
    servicetitan_id = models.BigIntegerField(null=True, blank=True)

    account_path = "contact__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "address"], name="contact_address_unique")]
        indexes = [models.Index(fields=["contact", "position"], name="contact_address_order")]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.address_id}"
