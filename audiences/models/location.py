from django.db import models


class Location(models.Model):
    """A service location of a ServiceTitan customer, from which a contact's service address is derived."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="locations")
    servicetitan_id = models.BigIntegerField()
    servicetitan_customer_id = models.BigIntegerField()
    active = models.BooleanField(default=True)
    street = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=60, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=2, blank=True)
    zip = models.CharField(max_length=10, blank=True)
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="location_servicetitan")
        ]
        indexes = [models.Index(fields=["account", "servicetitan_customer_id"], name="location_customer")]

    def __str__(self) -> str:
        return self.street or str(self.servicetitan_id)
