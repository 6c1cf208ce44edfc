"""Forms of sign-in, passwords and Settings."""

from collections.abc import Iterable
from datetime import date
from typing import Any, cast

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm
from django.core.validators import MaxValueValidator, MinValueValidator

from accounts import audit_words, zones
from accounts.long_select import LongSelect
from accounts.models import Account, Role, User
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


class RoleSelect(forms.RadioSelect):
    """Radio buttons; a summary of errors leads to the first."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        """The button of this index, else the first."""
        return super().id_for_label(id_, index or "0")


class InviteForm(forms.Form):
    """Who is to join, and as what."""

    name = forms.CharField(
        label="Name",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="As colleagues see it, beside replies and in the audit log.",
    )
    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text="They sign in with it. The invitation goes there.",
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, widget=RoleSelect)


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(label="Role", choices=Role.choices, widget=RoleSelect)


class ProfileForm(forms.ModelForm):
    """One's own name and theme."""

    class Meta:
        model = User
        fields = ["name", "theme"]
        labels = {"name": "Name", "theme": "Theme"}
        help_texts = {"name": "As colleagues see it, beside replies and in the audit log."}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"}), "theme": forms.RadioSelect}


class OwnPasswordForm(PasswordChangeForm):
    """A new password, for somebody who still knows the present one."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": "This is not your present password. Nothing was changed.",
    }

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["old_password"].label = "Present password"
        self.fields["old_password"].widget.attrs.pop("autofocus", None)  # not the first thing on its page
        self.fields["new_password1"].label = "New password"
        self.fields["new_password1"].help_text = "At least 12 characters; none of the common passwords."
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""


class AccountForm(forms.ModelForm):
    """The company's name and zone."""

    timezone = forms.ChoiceField(label="Time zone", choices=zones.choices, widget=LongSelect)

    class Meta:
        model = Account
        fields = ["name", "timezone"]
        labels = {"name": "Company name"}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "organization"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        present = self.instance.timezone
        if not zones.offered(present):  # an old name of a place, set by a command
            zone = cast(forms.ChoiceField, self.fields["timezone"])
            zone.choices = [("Present", [(present, zones.words(present))]), *zones.choices()]


class LogDay(forms.DateField):
    """A day that can have entries; the ends of the calendar have no midnight on either side."""

    def __init__(self, *, label: str) -> None:
        bounds = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
        widget = forms.DateInput(attrs={"type": "date"})
        super().__init__(label=label, required=False, widget=widget, validators=bounds)


class AuditFilterForm(forms.Form):
    """Which entries of the audit log to show; days are the account's, both included."""

    q = forms.CharField(label="Text", required=False, max_length=100)
    by = forms.ChoiceField(label="Person", required=False)
    kind = forms.ChoiceField(label="Kind", required=False)
    since = LogDay(label="From")
    until = LogDay(label="To")

    def __init__(self, data: Any, *, people: list[tuple[str, str]]) -> None:
        super().__init__(data)
        kinds = cast(forms.ChoiceField, self.fields["kind"])
        kinds.choices = [("", "Every kind"), *audit_words.choices()]
        cast(forms.ChoiceField, self.fields["by"]).choices = [("", "Everybody"), *people]

    def clean(self) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "The range ends before it begins.")
        return cleaned
