"""ApiToken: a machine's way in. The secret is shown once and stored only as a hash."""

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from common import clock

if TYPE_CHECKING:
    from accounts.models.account import Account
    from accounts.models.user import User

ALL_SCOPES = "all"
PREFIX = "truckroll_"


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. Enough for a secret of 256 random bits, which nobody can guess at."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Issuing and recognising tokens."""

    def issue(
        self, *, account: "Account", by: "User", name: str, scopes: list[str]
    ) -> tuple["ApiToken", str]:
        """Store a new token; return it with its secret, which nothing can show again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        token = self.create(
            account=account, created_by=by, name=name, scopes=scopes, hash=hash_secret(secret)
        )
        return token, secret

    def recognise(self, secret: str) -> "ApiToken | None":
        """The live token of this secret, unless revoked or its maker is disabled or has left the account."""
        found = self.filter(
            hash=hash_secret(secret),
            revoked_at=None,
            created_by__is_active=True,
            created_by__memberships__account=F("account"),
            created_by__memberships__disabled_at=None,
        )
        return found.select_related("account", "created_by").first()


class ApiToken(models.Model):
    """A key to one account's API, limited to its scopes: `all`, or names of `accounts.access.CAN`."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="api_tokens")
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(hash__regex=r"^[0-9a-f]{64}$"), name="api_token_hash_is_sha256"
            ),
            models.CheckConstraint(condition=Q(scopes__len__gt=0), name="api_token_has_scope"),
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(revoked_at__gte=F("created_at")),
                name="api_token_revoked_after_created",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def allows(self, scope: str) -> bool:
        """Whether the token may be used for this capability."""
        return ALL_SCOPES in self.scopes or scope in self.scopes
