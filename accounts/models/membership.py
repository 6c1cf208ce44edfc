"""Membership: what one person may do in one account."""

from typing import TYPE_CHECKING

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models
from django.db.models import Q

from common import clock

if TYPE_CHECKING:
    from accounts.models.account import Account
    from accounts.models.user import User


class Role(models.TextChoices):
    """The four kinds of people; `accounts.access.CAN` says what each may do."""

    CSR = "csr", "CSR"
    MARKETER = "marketer", "Marketer"
    AGENT = "agent", "Agent"
    ADMIN = "admin", "Admin"


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Questions about memberships."""

    def of(self, user: "User") -> "MembershipQuerySet":
        """The accounts a person may enter, by name."""
        return (
            self.filter(user=user, disabled_at=None)
            .select_related("account")
            .order_by("account__name", "account_id")
        )

    def able(self) -> "MembershipQuerySet":
        """Members who can enter: neither disabled nor still without a password."""
        found = self.filter(disabled_at=None, user__is_active=True)
        return found.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)

    def admins(self, account: "Account") -> "MembershipQuerySet":
        """Who can grant roles in an account; only people who can still sign in."""
        found = self.able().filter(account=account, role=Role.ADMIN)
        return found.select_related("user").order_by("user__name", "user_id")


class Membership(models.Model):
    """One person in one account, with one role."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=clock.now)
    invited_at = models.DateTimeField(
        null=True, blank=True, help_text="when the last link to choose a password was mailed"
    )
    disabled_at = models.DateTimeField(
        null=True, blank=True, help_text="set: cannot enter this account, keeps the role"
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once_per_account"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}: {self.get_role_display()}"
