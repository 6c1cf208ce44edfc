"""Password reset: ask for a link, open it, choose a new password."""

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.core.cache import cache
from django.http import HttpResponse
from django.urls import reverse_lazy

from accounts import access
from accounts.clients import client_ip
from accounts.forms import ResetRequestForm

LINKS_PER_HOUR = 5


class AskForLink(views.PasswordResetView):
    """Mails the link; the answer is the same whether or not the mailbox is known."""

    template_name = "accounts/password_reset.html"
    email_template_name = "accounts/password_reset_mail.txt"
    subject_template_name = "accounts/password_reset_subject.txt"
    form_class = ResetRequestForm
    success_url = reverse_lazy("accounts:password_reset_sent")
    # The link names the configured address: the request's host is whatever the client claims.
    extra_email_context = {"public_url": settings.PUBLIC_URL}

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Send at most a few links an hour to one mailbox and from one client, silently."""
        asked = [_count(form.cleaned_data["email"].lower()), _count(str(client_ip(self.request)))]
        if max(asked) <= LINKS_PER_HOUR:
            return super().form_valid(form)
        return HttpResponse(status=302, headers={"Location": str(self.success_url)})

    def form_invalid(self, form: PasswordResetForm) -> HttpResponse:
        """The form again, with what is wrong."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ChoosePassword(views.PasswordResetConfirmView):
    """Opened from the mail: the token moves into the session, so that no later page's address carries it."""

    template_name = "accounts/password_reset_choose.html"
    success_url = reverse_lazy("accounts:password_reset_done")

    def form_invalid(self, form: SetPasswordForm) -> HttpResponse:
        """The form again, with what is wrong."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


def _count(who: str) -> int:
    """How often a link was asked for this hour, this time included (each web process counts for itself)."""
    key = f"password-reset:{who}"
    cache.add(key, 0, timeout=3600)
    return cache.incr(key)


ask = access.public(AskForLink.as_view())
sent = access.public(views.PasswordResetDoneView.as_view(template_name="accounts/password_reset_sent.html"))
choose = access.public(ChoosePassword.as_view())
done = access.public(
    views.PasswordResetCompleteView.as_view(template_name="accounts/password_reset_done.html")
)
