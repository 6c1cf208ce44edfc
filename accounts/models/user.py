"""User: a person who signs in with a mailbox and a password."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from common import clock


def normalise_email(email: str) -> str:
    """The one spelling under which a sign-in address is stored and sought: trimmed, lower case."""
    return email.strip().lower()


class Theme(models.TextChoices):
    """How pages look to one person."""

    SYSTEM = "system", "Like my device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class UserQuerySet(models.QuerySet["User"]):
    """Questions about users."""

    def active(self) -> "UserQuerySet":
        """Users who may sign in."""
        return self.filter(is_active=True)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes users, and finds them by mailbox whatever its capitals."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user with a hashed password (`None`: cannot sign in until a reset)."""
        user: User = self.model(email=normalise_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of this mailbox; raises User.DoesNotExist."""
        return self.get(email=normalise_email(username or ""))  # type: ignore[no-any-return]


class User(AbstractBaseUser):
    """A person. What they may do is said by their membership of an account, never here."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True, help_text="off: cannot sign in, open sessions end")
    # Also a default of the database: workers of the version before know nothing of it.
    theme = models.CharField(
        max_length=10, choices=Theme.choices, default=Theme.SYSTEM, db_default=Theme.SYSTEM.value
    )
    created_at = models.DateTimeField(default=clock.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = UserManager()

    class Meta:
        constraints = [
            # With the column unique, lower case only makes it unique whatever the capitals.
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case"),
            models.CheckConstraint(
                condition=Q(email__regex=r"^[^@\s]+@[^@\s]+$"), name="user_email_is_mailbox"
            ),
            models.CheckConstraint(condition=Q(theme__in=Theme.values), name="user_theme_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the mailbox in its one spelling."""
        self.email = normalise_email(self.email)
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        """The name shown beside what this person did."""
        return str(self)

    def get_short_name(self) -> str:
        """The first word of the name."""
        return str(self).split(" ")[0]
