from django.db import models


class LeadSource(models.Model):
    """What brought a customer to the contractor. ServiceTitan calls it a campaign."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="lead_sources")
    servicetitan_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="lead_source_servicetitan")
        ]

    def __str__(self) -> str:
        return self.name
