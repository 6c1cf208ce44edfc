from django.db import models
from django.db.models import Q

from common import clock


class OptOut(models.Model):
    """The recorded wish not to be reached at an address, with its evidence.

    A trigger refuses DELETE, TRUNCATE and every UPDATE but one that lifts it: the row stays, whatever happens
    to people and contacts (which is why each of its keys protects).
    """

    class Source(models.TextChoices):
        TEXT = "text"
        PROVIDER = "provider"
        AGENT = "agent"
        IMPORTED = "imported"
        EMAIL = "email"  # an answer to one
        PHONE = "phone"  # 9 pressed on a call
        PAGE = "page"  # that the link in an email opens, or its mail program’s button

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="opt_outs")
    address = models.ForeignKey("audiences.Address", on_delete=models.PROTECT, related_name="opt_outs")
    channel = models.CharField(max_length=5, help_text="phone covers automated texts and calls")
    contact = models.ForeignKey("audiences.Contact", null=True, blank=True, on_delete=models.PROTECT)
    at = models.DateTimeField(default=clock.now)
    source = models.CharField(max_length=8, choices=Source)
    evidence = models.TextField(blank=True, help_text="The customer's own words")
    detector = models.CharField(max_length=60, blank=True)
    score = models.FloatField(null=True, blank=True, help_text="Likelihood that the detector gave, 0 to 1")
    provider_id = models.CharField(max_length=64, blank=True)
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_evidence = models.TextField(blank=True, help_text="The customer's own words")
    lifted_provider_id = models.CharField(max_length=64, blank=True, help_text="Of the text that said START")
    lifted_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="opt_outs_lifted"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "address", "channel"],
                condition=Q(lifted_at__isnull=True),
                name="opt_out_in_force",
            ),
            models.CheckConstraint(condition=Q(channel__in=["phone", "email"]), name="opt_out_channel"),
            models.CheckConstraint(
                condition=Q(source__in=["text", "provider", "agent", "imported", "email", "phone", "page"]),
                name="opt_out_source",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=False)
                | Q(lifted_evidence="", lifted_provider_id="", lifted_by__isnull=True),
                name="opt_out_lifted_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-at", "-id"], name="opt_out_latest"),
            models.Index(fields=["address"], name="opt_out_address", condition=Q(lifted_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.address_id} {self.channel}"
