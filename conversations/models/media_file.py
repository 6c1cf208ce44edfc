"""Pictures and files that travel with texts, out and in."""

import secrets

from django.db import models
from django.db.models import Q

from common import clock


def new_token() -> str:
    """What nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


class MediaFile(models.Model):
    """One file of an account, named by the digest of its bytes: the same bytes twice are one row.

    `token` is its public address, which a provider fetches it from; `content_type` is what the bytes are, not
    what somebody called them. The bytes lie in the database, as downloads do.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, db_index=False)
    sha256 = models.CharField(max_length=64)
    token = models.CharField(max_length=64, unique=True, default=new_token)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=60)
    size = models.PositiveIntegerField(help_text="In bytes")
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    data = models.BinaryField()
    received = models.BooleanField(default=False, help_text="From a customer; never sent on")
    created_at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL, db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "sha256", "received"], name="mediafile_bytes_once"),
            models.CheckConstraint(condition=Q(size__gt=0), name="mediafile_not_empty"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="mediafile_digest"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_image(self) -> bool:
        """Whether a page may show it."""
        return self.content_type.startswith("image/")
