"""Account: one contractor, the wall between tenants."""

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from common import clock


def validate_timezone(name: str) -> None:
    """Accept a zone of the IANA list, such as `America/Chicago`; raise ValidationError otherwise."""
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not an IANA time zone, such as America/Chicago.")


class AccountQuerySet(models.QuerySet["Account"]):
    """Questions about accounts."""

    def first_opened(self) -> "Account | None":
        """The oldest account, which the environment's provider credentials belong to."""
        return self.order_by("created_at", "pk").first()


class Account(models.Model):
    """One contractor: one ServiceTitan tenant. Nothing crosses between accounts."""

    account_path = "pk"

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=60, unique=True)
    timezone = models.CharField(
        max_length=64, default="America/New_York", validators=[validate_timezone], help_text="company time"
    )
    created_at = models.DateTimeField(default=clock.now)

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="account_has_name"),
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$"), name="account_slug_is_plain"
            ),
            models.CheckConstraint(
                condition=Q(timezone__regex=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"),
                name="account_timezone_is_zone_name",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse an unknown zone here too: the database can check only how a zone name looks."""
        validate_timezone(self.timezone)
        super().save(*args, **kwargs)

    @property
    def zone(self) -> ZoneInfo:
        """Company time, in which days begin and hours are shown."""
        return ZoneInfo(self.timezone)
