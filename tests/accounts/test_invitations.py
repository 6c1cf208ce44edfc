"""Invitations: the link by which somebody chooses their first password."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import mail
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts import invitations, people
from accounts.invitations import State
from accounts.models import Membership, Role, User
from common import clock
from tests.accounts.making import make_account, make_member, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.pages")]
PASSWORD = "chosen by Kim herself"
CHOICE = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def kim() -> Membership:
    """Invited by Dana to Acme, link in the mail."""
    account = make_account("Acme")
    dana = make_member(account, Role.ADMIN, make_user("dana@example.com", "Dana Reed"))
    row = people.invite(account=account, email="kim@example.com", name="Kim New", role=Role.AGENT, by=dana)
    assert invitations.send(row, by=dana)
    return row


def link() -> str:
    """The path in the last mail."""
    found = re.search(rf"{re.escape(settings.PUBLIC_URL)}(/invitation/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def open_link(client: Client, path: str) -> Any:
    return client.get(path, follow=True)


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Let the product's time pass."""
    then = clock.now() + timedelta(**by)
    monkeypatch.setattr(clock, "now", lambda: then)


def test_invited_person_chooses_a_password_and_signs_in(kim: Membership) -> None:
    client = Client()
    form = open_link(client, link())
    page, where = form.content.decode(), form.redirect_chain[-1][0]
    assert "Welcome, Kim" in page and "<strong>Acme</strong>" in page
    assert 'autocomplete="username"' in page and 'autocomplete="new-password"' in page
    assert link().split("/")[-2] not in where, "the token must not stay in the address"
    weak = client.post(where, {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 422 and "The password is not saved" in weak.content.decode()
    done = client.post(where, CHOICE, follow=True)
    assert "Your password is saved. Sign in with it." in done.content.decode()
    answer = client.post("/login/", {"username": "kim@example.com", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get("/campaigns/").content.decode() == "Acme agent"
    kim.user.refresh_from_db()
    assert invitations.state_of(kim) == State.ACTIVE


def test_link_works_once(kim: Membership) -> None:
    client = Client()
    client.post(open_link(client, link()).redirect_chain[-1][0], CHOICE)
    assert "no longer works" in open_link(Client(), link()).content.decode()


def test_link_lives_a_week(kim: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, days=6.9)
    assert invitations.state_of(kim) == State.INVITED
    assert "Welcome, Kim" in open_link(Client(), link()).content.decode()
    later(monkeypatch, days=0.2)
    assert invitations.state_of(kim) == State.LINK_ENDED
    assert "no longer works" in open_link(Client(), link()).content.decode()


def test_withdrawn_invitation_opens_nothing(kim: Membership) -> None:
    people.disable(kim, by=None)
    kim.refresh_from_db()
    assert invitations.state_of(kim) == State.DISABLED
    assert "no longer works" in open_link(Client(), link()).content.decode()
    with pytest.raises(people.Refused, match="Enable them first"):
        invitations.send(kim, by=User.objects.get(email="dana@example.com"))
    people.remove(kim, by=None)
    assert "no longer works" in open_link(Client(), link()).content.decode()


def test_password_already_typed_into_a_withdrawn_invitation_is_not_taken(kim: Membership) -> None:
    client = Client()
    where = open_link(client, link()).redirect_chain[-1][0]
    people.remove(kim, by=None)
    assert "no longer works" in client.post(where, CHOICE).content.decode()
    assert not User.objects.get(email="kim@example.com").has_usable_password()


def test_neither_kind_of_link_opens_the_page_of_the_other(kim: Membership) -> None:
    reset = f"/password-reset/{link().split('/', 2)[2]}"
    assert "no longer works" in open_link(Client(), reset).content.decode()
    uid, token = urlsafe_base64_encode(force_bytes(kim.user_id)), default_token_generator.make_token(kim.user)
    assert "no longer works" in open_link(Client(), f"/invitation/{uid}/{token}/").content.decode()


def test_person_removed_before_they_came_can_be_invited_under_another_name(kim: Membership) -> None:
    dana = User.objects.get(email="dana@example.com")
    people.remove(kim, by=dana)
    people.invite(account=kim.account, email="kim@example.com", name="Kim Newell", role=Role.CSR, by=dana)
    assert User.objects.get(email="kim@example.com").name == "Kim Newell"


def test_mail_names_the_public_address_and_stays_one_line_of_subject(kim: Membership) -> None:
    assert link().startswith("/invitation/") and "as Agent" in str(mail.outbox[0].body)
    kim.account.name = "Acme\nBcc: everybody@example.com"
    kim.invited_at = None
    assert invitations.send(kim, by=kim.user)
    assert "\n" not in mail.outbox[1].subject
