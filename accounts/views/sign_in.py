"""The sign-in page, and signing out."""

from typing import Any

from axes.helpers import get_cool_off
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import access
from accounts.forms import SignInForm
from accounts.models import User


class SignIn(views.LoginView):
    """Email and password; then to the page one came for, or the dashboard."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_success_url(self) -> str:
        """Only to a page of this site."""
        return access.safe_next(self.request.POST.get("next") or self.request.GET.get("next"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Besides the form: whether nobody can sign in yet, so that the page can say how to begin."""
        return super().get_context_data(
            **kwargs, first_run=not User.objects.exists(), next=self.get_success_url()
        )

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """422, which htmx swaps in and which no monitor takes for a success."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    """After too many failures: when to try again, and how to get in sooner."""
    pause = get_cool_off(request)
    seconds = int(pause.total_seconds()) if pause else 0
    page = render(request, "accounts/locked_out.html", {"minutes": -(-seconds // 60)}, status=429)
    page["Retry-After"] = str(seconds)
    return page


sign_in = access.public(SignIn.as_view())
sign_out = access.public(views.LogoutView.as_view())
