"""Sign-in and password reset forms."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm

from accounts.models import User
from accounts.models.user import normalise_email


class SignInForm(AuthenticationForm):
    """Mailbox and password. The message never says which of the two was wrong."""

    error_messages = {
        "invalid_login": "This email and password do not belong together. Check both, or reset the password.",
        "inactive": "This email and password do not belong together. Check both, or reset the password.",
    }

    def __init__(self, request: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"] = forms.EmailField(
            label="Email",
            max_length=254,
            widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
        )


class ResetRequestForm(PasswordResetForm):
    """Asks for the mailbox that the reset link goes to."""

    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )

    def get_users(self, email: str) -> Iterable[User]:
        """The person of this mailbox; also one who has no password yet, who gets a first one this way."""
        found: Iterable[User] = User.objects.active().filter(email=normalise_email(email))
        return found
