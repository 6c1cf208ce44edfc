from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class Tag(models.Model):
    """A ServiceTitan tag type, or one of the account's own."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="tags")
    servicetitan_id = models.BigIntegerField(null=True, blank=True, help_text="blank: the account's own")
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    contacts = models.ManyToManyField(
        "audiences.Contact", through="audiences.ContactTag", related_name="tags"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="tag_servicetitan"),
            models.UniqueConstraint(
                "account", Lower("name"), condition=Q(servicetitan_id__isnull=True), name="tag_own_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name
