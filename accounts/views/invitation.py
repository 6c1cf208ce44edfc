"""Opened from an invitation's mail: choose the first password."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpResponse
from django.urls import reverse_lazy

from accounts import access
from accounts.invitations import tokens
from accounts.models import Membership, User
from accounts.views.password_reset import ChoosePassword


class AcceptInvitation(ChoosePassword):
    """As a reset link, but longer lived, and only while somebody still wants this person."""

    template_name = "accounts/invitation.html"
    token_generator = tokens
    success_url = reverse_lazy("accounts:login")

    def get_user(self, uidb64: str) -> User | None:
        """The invited person, unless every account has withdrawn the invitation."""
        user: User | None = super().get_user(uidb64)
        return user if user is not None and user.is_active and Membership.objects.of(user).exists() else None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Besides the form: where they are invited to, while the link works."""
        context = super().get_context_data(**kwargs)
        if self.validlink and self.user is not None:
            context["invited_to"] = Membership.objects.of(self.user)
        return context

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        """Lead to the sign-in page, which says what to do there."""
        messages.success(self.request, "Your password is saved. Sign in with it.")
        return super().form_valid(form)


choose = access.public(AcceptInvitation.as_view())
