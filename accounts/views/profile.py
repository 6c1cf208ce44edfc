"""One's own profile: name, theme, password."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, audit
from accounts.access import Request
from accounts.forms import OwnPasswordForm, ProfileForm
from accounts.models import User


@require_http_methods(["GET", "POST"])
@access.require("view")
def profile(request: Request) -> HttpResponse:
    """Change one's own name and theme."""
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("accounts:profile")
    return _page(request, form, OwnPasswordForm(request.user))


@sensitive_post_parameters()
@require_POST
@access.require("view")
def password(request: Request) -> HttpResponse:
    """Change one's own password; every other session of this person ends, this one stays."""
    form = OwnPasswordForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, ProfileForm(instance=request.user), form)
    with transaction.atomic():
        form.save()
        audit.record(
            account=request.account, by=request.user, verb="changed_password", on=request.user,
            summary="Changed their password",
        )  # fmt: skip
    update_session_auth_hash(request, request.user)
    messages.success(request, "Your password is changed. You were signed out everywhere else.")
    return redirect("accounts:profile")


def _page(request: Request, form: ProfileForm, password_form: OwnPasswordForm) -> HttpResponse:
    context = {"form": form, "password_form": password_form, "title": "Profile"}
    status = 422 if form.errors or password_form.errors else 200
    return render(request, "settings/profile.html", context, status=status)
