from django.db import models
from django.db.models import Q


class Invoice(models.Model):
    """An invoice of the contractor's, mirrored from ServiceTitan. Amounts are dollars.

    What takes money back (a credit memo, a refund) is an invoice of its own with a negative total, which
    names the one it adjusts and not always a job. A voided invoice is not active and keeps its total.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="invoices")
    servicetitan_id = models.BigIntegerField()
    servicetitan_customer_id = models.BigIntegerField(null=True, blank=True)
    servicetitan_job_id = models.BigIntegerField(null=True, blank=True)
    adjusts_servicetitan_id = models.BigIntegerField(
        null=True, blank=True, help_text="the invoice that this one corrects"
    )
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    number = models.CharField(max_length=40, blank=True)
    total = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    balance = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="what is still to be paid"
    )
    items = models.JSONField(
        default=list, db_default=[], help_text="what was billed: name, quantity, total in dollars as text"
    )
    invoiced_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True, help_text="off: voided or deleted at the source")
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="invoice_servicetitan")
        ]
        indexes = [
            models.Index(fields=["account", "servicetitan_customer_id"], name="invoice_customer"),
            models.Index(
                fields=["account", "servicetitan_job_id"],
                name="invoice_job",
                condition=Q(servicetitan_job_id__isnull=False),
            ),
            models.Index(
                fields=["account", "adjusts_servicetitan_id"],
                name="invoice_adjusts",
                condition=Q(adjusts_servicetitan_id__isnull=False),
            ),
            models.Index(
                fields=["account", "due_at"],
                include=["servicetitan_customer_id", "balance"],
                name="invoice_still_unpaid",
                condition=Q(active=True, balance__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.number or str(self.servicetitan_id)
