from django.db import models
from django.db.models import Q

DEFAULT_DAYS, MOST_DAYS = 180, 1_095


class LinkSettings(models.Model):
    """An account's short links: on which domain, for how long, and what is added for web analytics.

    The domain is used while `works`: a test request to it has reached this deployment. Else links carry the
    deployment's own address.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="link_settings")
    domain = models.CharField(max_length=253, blank=True, default="")
    works = models.BooleanField(default=False, db_default=False)
    checked_at = models.DateTimeField(null=True, blank=True)
    finding = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="What the last check found, in words"
    )
    expires_days = models.PositiveSmallIntegerField(default=DEFAULT_DAYS)
    utm = models.BooleanField(default=True, db_default=True)
    utm_source = models.CharField(max_length=60, blank=True, default="truckroll")
    utm_medium = models.CharField(
        max_length=60, blank=True, default="", help_text="Empty: “sms” or “email”, whichever it is"
    )
    utm_campaign = models.CharField(
        max_length=60, blank=True, default="", help_text="Empty: the campaign’s name"
    )

    class Meta:
        verbose_name_plural = "link settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_days__gte=1, expires_days__lte=MOST_DAYS), name="link_settings_days"
            ),
            models.CheckConstraint(condition=Q(works=False) | ~Q(domain=""), name="link_settings_works"),
        ]

    def __str__(self) -> str:
        return self.domain or "Links on our own address"
