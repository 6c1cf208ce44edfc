"""BusinessUnit: ServiceTitan's division of a contractor; a filter, not a wall."""

from django.db import models
from django.db.models import Q


class BusinessUnitQuerySet(models.QuerySet["BusinessUnit"]):
    """Questions about business units."""

    def active(self) -> "BusinessUnitQuerySet":
        """Those still in use at the source, by name."""
        return self.filter(active=True).order_by("name", "pk")


class BusinessUnit(models.Model):
    """A division such as “HVAC service”, mirrored from ServiceTitan."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="business_units")
    servicetitan_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)

    objects = BusinessUnitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="business_unit_once"),
            models.CheckConstraint(condition=Q(servicetitan_id__gt=0), name="business_unit_id_positive"),
            models.CheckConstraint(condition=~Q(name=""), name="business_unit_has_name"),
        ]

    def __str__(self) -> str:
        return self.name
