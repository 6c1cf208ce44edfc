from django.db import models
from django.db.models import Q


class Estimate(models.Model):
    """What the contractor offered a customer, mirrored from ServiceTitan. Amounts are dollars."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="estimates")
    servicetitan_id = models.BigIntegerField()
    servicetitan_customer_id = models.BigIntegerField(null=True, blank=True)
    servicetitan_job_id = models.BigIntegerField(null=True, blank=True)
    servicetitan_location_id = models.BigIntegerField(null=True, blank=True)
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=20, help_text="ServiceTitan's word: Open, Sold, Dismissed")
    subtotal = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="before tax"
    )
    created_on = models.DateTimeField()
    sold_at = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True, help_text="off: deleted at the source")
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="estimate_servicetitan")
        ]
        indexes = [
            models.Index(fields=["account", "servicetitan_customer_id"], name="estimate_customer"),
            models.Index(
                fields=["account", "created_on"],
                include=["servicetitan_customer_id"],
                name="estimate_still_open",
                condition=Q(active=True, status="Open"),
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.servicetitan_id)
