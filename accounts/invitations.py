"""Invitations: a mailed link by which a new member chooses a password, and what has become of it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMessage
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import Membership, User
from accounts.people import Refused
from common import clock

LIFE = timedelta(days=7)  # ours: a colleague may be away for a week; a reset link lives an hour
BETWEEN_LINKS = timedelta(minutes=1)


class State(models.TextChoices):
    """What a member can do right now."""

    ACTIVE = "active", "Active"
    INVITED = "invited", "Invited"
    LINK_ENDED = "link_ended", "Link ended"
    NOT_SENT = "not_sent", "Link not sent"
    DISABLED = "disabled", "Disabled"


class InvitationTokens(PasswordResetTokenGenerator):
    """Reset tokens of a longer life and another salt: neither kind opens the page of the other.

    Django ends a token `PASSWORD_RESET_TIMEOUT` after its stamp, so the stamp lies ahead by what `LIFE` is
    longer. Like every reset token it works once: the password is part of it.
    """

    key_salt = "accounts.invitations"

    def make_token(self, user: User) -> str:
        """A token that works until `LIFE` from now."""
        later = self._now() + LIFE - timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
        return str(self._make_token_with_timestamp(user, self._num_seconds(later), self.secret))

    def _now(self) -> datetime:
        return clock.now().replace(tzinfo=None)


tokens = InvitationTokens()


def state_of(membership: Membership) -> State:
    """Active, invited, or why neither; `membership.user` should be loaded."""
    if membership.disabled_at is not None or not membership.user.is_active:
        return State.DISABLED
    if membership.user.has_usable_password():
        return State.ACTIVE
    if membership.invited_at is None:
        return State.NOT_SENT
    return State.INVITED if clock.now() < membership.invited_at + LIFE else State.LINK_ENDED


def send(membership: Membership, *, by: User) -> bool:
    """Mail the link, or tell somebody who has a password that they may sign in here now, too.

    Whether the mail was accepted; call it outside a transaction. Raises Refused within a minute of the
    last link, and for somebody disabled.
    """
    now = clock.now()
    if state_of(membership) == State.DISABLED:
        raise Refused(f"{membership.user} is disabled. Enable them first.")
    if membership.invited_at and now - membership.invited_at < BETWEEN_LINKS:
        raise Refused("A link went out less than a minute ago. Give it time to arrive.")
    knows_password = membership.user.has_usable_password()
    template = "accounts/added_mail.txt" if knows_password else "accounts/invitation_mail.txt"
    words = {"membership": membership, "by": by, "url": _address(membership.user, knows_password)}
    subject = " ".join(f"{by} invites you to Truckroll at {membership.account}".split())
    mail = EmailMessage(subject, render_to_string(template, words), to=[membership.user.email])
    accepted = mail.send(fail_silently=True) == 1
    if accepted and not knows_password:
        membership.invited_at = now
        membership.save(update_fields=["invited_at"])
    return accepted


def _address(user: User, knows_password: bool) -> str:
    if knows_password:
        return f"{settings.PUBLIC_URL}{reverse('accounts:login')}"
    names = {"uidb64": urlsafe_base64_encode(force_bytes(user.pk)), "token": tokens.make_token(user)}
    return f"{settings.PUBLIC_URL}{reverse('accounts:invitation', kwargs=names)}"
