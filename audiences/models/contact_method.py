from django.db import models


class ContactMethod(models.Model):
    """A phone or mailbox as ServiceTitan holds it on a customer, unreadable numbers included.

    ContactAddress is derived from these rows: two methods may name the same phone, and removing one of
    them must leave the other in force.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="contact_methods")
    servicetitan_id = models.BigIntegerField()
    servicetitan_customer_id = models.BigIntegerField()
    kind = models.CharField(max_length=20, help_text="ServiceTitan's word: MobilePhone, Phone, Email, Fax")
    value = models.CharField(max_length=254)
    memo = models.CharField(max_length=100, blank=True)
    do_not_text = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="contact_method_servicetitan")
        ]
        indexes = [
            models.Index(fields=["account", "servicetitan_customer_id"], name="contact_method_customer")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
