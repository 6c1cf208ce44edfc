from django.db import models


class Tag(models.Model):
    """A ServiceTitan tag type."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="tags")
    servicetitan_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    contacts = models.ManyToManyField(
        "audiences.Contact", through="audiences.ContactTag", related_name="tags"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "servicetitan_id"], name="tag_servicetitan")
        ]

    def __str__(self) -> str:
        return self.name
