from django.db import models


class MembershipType(models.Model):
    """A kind of service agreement that the contractor sells."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="membership_types")
    servicetitan_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "servicetitan_id"], name="membership_type_servicetitan"
            )
        ]

    def __str__(self) -> str:
        return self.name
