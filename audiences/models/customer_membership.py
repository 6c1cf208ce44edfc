from django.db import models


class CustomerMembership(models.Model):
    """A customer's service agreement, mirrored; the account's own people have `accounts.Membership`."""

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="customer_memberships"
    )
    servicetitan_id = models.BigIntegerField()
    servicetitan_customer_id = models.BigIntegerField()
    servicetitan_location_id = models.BigIntegerField(null=True, blank=True)
    membership_type = models.ForeignKey(
        "audiences.MembershipType", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    business_unit = models.ForeignKey(
        "accounts.BusinessUnit", null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    status = models.CharField(
        max_length=20, help_text="ServiceTitan's word: Active, Suspended, Expired, Canceled, Deleted"
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="blank: until somebody ends it")
    next_bill_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True, help_text="off: deleted at the source")
    source_modified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "servicetitan_id"], name="customer_membership_servicetitan"
            )
        ]
        indexes = [
            models.Index(fields=["account", "servicetitan_customer_id"], name="customer_membership_customer")
        ]

    def __str__(self) -> str:
        return f"membership {self.servicetitan_id}"
