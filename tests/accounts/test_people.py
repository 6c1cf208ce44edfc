"""People of Settings: invite, change roles, disable, enable, remove, and always one admin."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.test import Client

from accounts import people
from accounts.models import Account, ApiToken, AuditEntry, Membership, Role, User
from tests.accounts.making import make_account, make_member, make_user, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.pages")]


class Acme:
    """An account with Dana, its admin, at her browser, and Lee, a CSR."""

    def __init__(self) -> None:
        self.account = make_account("Acme")
        self.dana = make_member(self.account, Role.ADMIN, make_user("dana@example.com", "Dana Reed"))
        self.lee = make_member(self.account, Role.CSR, make_user("lee@example.com", "Lee Park"))
        self.browser = signed_in(self.dana)

    def member(self, user: User) -> Membership:
        return Membership.objects.get(account=self.account, user=user)

    def post(self, user: User, act: str, **data: str) -> str:
        """Do something to a member and read the page it leads to."""
        url = f"/settings/people/{self.member(user).pk}/{act}/"
        answer = self.browser.post(url, data, follow=True)
        assert answer.redirect_chain, "every act leads on"
        return answer.content.decode()


@pytest.fixture
def acme() -> Acme:
    return Acme()


def verbs() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))


def test_list_shows_everybody_with_mailbox_role_and_state(acme: Acme) -> None:
    make_member(acme.account, Role.AGENT, make_user("new@example.com", "Kim New", password=None))
    make_member(make_account("Elsewhere"), user=make_user("stranger@example.com", "Sid Stranger"))
    page = acme.browser.get("/settings/people/").content.decode()
    for words in ("Dana Reed", "(you)", "lee@example.com", "CSR", "Active", "Link not sent", "Never"):
        assert words in page
    assert "Stranger" not in page


def test_invited_person_is_a_member_and_gets_a_mail(acme: Acme) -> None:
    answer = acme.browser.post(
        "/settings/people/invite/",
        {"name": "Kim New", "email": " Kim@Example.com ", "role": "agent"},
        follow=True,
    )
    page = answer.content.decode()
    assert "The invitation is on its way to kim@example.com." in page and "link works until" in page
    kim = acme.member(User.objects.get(email="kim@example.com"))
    assert (kim.role, str(kim.user), kim.user.has_usable_password()) == (Role.AGENT, "Kim New", False)
    assert [letter.to for letter in mail.outbox] == [["kim@example.com"]]
    assert mail.outbox[0].subject == "Dana Reed invites you to Truckroll at Acme"
    assert verbs() == ["added_member"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "", "email": "kim@example.com", "role": "csr"}, "Name: This field is required."),
        ({"name": "Kim", "email": "not a mailbox", "role": "csr"}, "Email: Enter a valid email address."),
        ({"name": "Kim", "email": "kim@example.com", "role": "owner"}, "owner is not one of the available"),
        ({"name": "Lee", "email": "LEE@example.com", "role": "csr"}, "is a member of Acme already"),
    ],
)
def test_senseless_invitation_keeps_what_was_typed(acme: Acme, data: dict[str, str], words: str) -> None:
    answer = acme.browser.post("/settings/people/invite/", data)
    page = answer.content.decode()
    assert answer.status_code == 422 and "Nobody was invited" in page and words in page
    assert f'value="{data["email"]}"' in page
    assert not mail.outbox and Membership.objects.count() == 2


def test_person_of_another_account_may_come_in_with_their_own_password(acme: Acme) -> None:
    make_member(make_account("Elsewhere"), user=make_user("kim@example.com", "Kim Kept"))
    data = {"name": "Another name", "email": "kim@example.com", "role": "csr"}
    page = acme.browser.post("/settings/people/invite/", data, follow=True).content.decode()
    assert "Kim Kept signs in already and can enter Acme now." in page
    assert "password-reset" not in mail.outbox[0].body and "/invitation/" not in mail.outbox[0].body
    assert "/login/" in mail.outbox[0].body


class Unreachable(BaseEmailBackend):
    """A mail service that takes nothing."""

    def send_messages(self, email_messages: Any) -> int:
        if not self.fail_silently:
            raise OSError("no route to host")
        return 0


def test_member_stays_when_the_mail_fails_and_the_page_says_so(acme: Acme, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Unreachable"
    data = {"name": "Kim", "email": "kim@example.com", "role": "csr"}
    page = acme.browser.post("/settings/people/invite/", data, follow=True).content.decode()
    assert "the mail could not be sent" in page and "Link not sent" in page
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    page = acme.post(User.objects.get(email="kim@example.com"), "invite")
    assert "on its way" in page and len(mail.outbox) == 1
    assert verbs() == ["added_member", "invited_again"]
    assert "less than a minute ago" in acme.post(User.objects.get(email="kim@example.com"), "invite")
    assert len(mail.outbox) == 1


def test_role_changes_and_the_log_says_from_what_to_what(acme: Acme) -> None:
    assert "Lee Park is Marketer now." in acme.post(acme.lee, "role", role="marketer")
    assert acme.member(acme.lee).role == Role.MARKETER
    entry = AuditEntry.objects.get()
    assert (entry.by, entry.summary) == (acme.dana, "Made Lee Park Marketer instead of CSR")
    acme.post(acme.lee, "role", role="marketer")
    assert AuditEntry.objects.count() == 1, "the same role again is no act"
    assert "Choose one of the roles" in acme.post(acme.lee, "role", role="owner")


def test_disabled_member_is_out_at_once_and_back_when_enabled(acme: Acme) -> None:
    lee = signed_in(acme.lee)
    _, secret = ApiToken.objects.issue(account=acme.account, by=acme.lee, name="x", scopes=["all"])
    assert lee.get("/campaigns/").status_code == 200
    assert "Lee Park is disabled" in acme.post(acme.lee, "disable")
    refused = lee.get("/campaigns/")
    assert refused.status_code == 403 and "no account" in refused.content.decode()
    assert ApiToken.objects.recognise(secret) is None
    assert "can enter Acme again" in acme.post(acme.lee, "enable")
    assert lee.get("/campaigns/").status_code == 200
    assert verbs() == ["disabled_member", "enabled_member"]


def test_disabling_shuts_out_of_one_account_only(acme: Acme) -> None:
    make_member(make_account("Elsewhere"), Role.AGENT, acme.lee)
    acme.post(acme.lee, "disable")
    assert signed_in(acme.lee).get("/campaigns/").content.decode() == "Elsewhere agent"


def test_removed_member_is_gone_but_not_forgotten(acme: Acme) -> None:
    assert "Lee Park is no member of Acme any more." in acme.post(acme.lee, "remove")
    assert signed_in(acme.lee).get("/campaigns/").status_code == 403
    assert not Membership.objects.filter(user=acme.lee).exists()
    entry = AuditEntry.objects.get()
    assert entry.summary == "Removed Lee Park"
    assert entry.detail == {"email": "lee@example.com", "role": "csr"}


@pytest.mark.parametrize(("act", "data"), [("role", {"role": "csr"}), ("disable", {}), ("remove", {})])
def test_nobody_takes_themselves_out(acme: Acme, act: str, data: dict[str, str]) -> None:
    make_member(acme.account, Role.ADMIN)
    assert "another admin does that" in acme.post(acme.dana, act, **data)
    assert acme.member(acme.dana).role == Role.ADMIN and acme.member(acme.dana).disabled_at is None
    assert not AuditEntry.objects.exists()
    page = acme.browser.get(f"/settings/people/{acme.member(acme.dana).pk}/").content.decode()
    assert "This is you" in page and "/remove/" not in page


@pytest.mark.parametrize("act", ["demote", "disable", "remove"])
def test_last_admin_stays(acme: Acme, act: str) -> None:
    make_member(acme.account, Role.ADMIN, make_user(password=None))  # invited, cannot sign in yet
    off = make_member(acme.account, Role.ADMIN)
    Membership.objects.filter(user=off).update(disabled_at=acme.dana.created_at)
    dana = acme.member(acme.dana)
    acts: dict[str, Callable[[], None]] = {
        "demote": lambda: people.change_role(dana, Role.CSR, by=None),
        "disable": lambda: people.disable(dana, by=None),
        "remove": lambda: people.remove(dana, by=None),
    }
    with pytest.raises(people.Refused, match="the only admin of Acme who can sign in"):
        acts[act]()
    assert acme.member(acme.dana).role == Role.ADMIN


def test_admin_of_a_moment_ago_changes_nothing(acme: Acme) -> None:
    Membership.objects.filter(user=acme.dana).update(role=Role.CSR)
    make_member(acme.account, Role.ADMIN)
    with pytest.raises(people.Refused, match="not an admin here any more"):
        people.remove(acme.member(acme.lee), by=acme.dana)


@pytest.mark.parametrize("url", ["", "role/", "invite/", "disable/", "enable/", "remove/"])
def test_member_of_another_account_is_not_there(acme: Acme, url: str) -> None:
    stranger = signed_in(make_member(make_account("Elsewhere")))
    address = f"/settings/people/{acme.member(acme.lee).pk}/{url}"
    answer = stranger.post(address, {"role": "admin"}) if url else stranger.get(address)
    assert answer.status_code == 404
    assert acme.member(acme.lee).role == Role.CSR and not AuditEntry.objects.exists()


@pytest.mark.parametrize("role", [Role.CSR, Role.MARKETER, Role.AGENT])
def test_only_admins_manage_people(acme: Acme, role: Role) -> None:
    answer = signed_in(make_member(acme.account, role)).get("/settings/people/")
    page = answer.content.decode()
    assert answer.status_code == 403 and "manage users and roles" in page and "Dana Reed" in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["role", "disable", "remove"])
def test_two_admins_who_take_each_other_out_at_once_leave_one(act: str) -> None:
    account = make_account("Acme")
    pair = [make_member(account, Role.ADMIN) for _ in range(2)]
    browsers = [signed_in(user) for user in pair]
    targets = [Membership.objects.get(user=user).pk for user in reversed(pair)]
    together = threading.Barrier(2)

    def take_out(browser: Client, target: int) -> None:
        together.wait()
        browser.post(f"/settings/people/{target}/{act}/", {"role": "csr"})
        connection.close()

    threads = [threading.Thread(target=take_out, args=pair) for pair in zip(browsers, targets, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Membership.objects.admins(Account.objects.get()).count() == 1


@pytest.mark.django_db(transaction=True)
def test_change_waits_for_the_change_before_it() -> None:
    """The race above, step by step: the second admin's connection waits, then finds out that they lost."""
    account = make_account("Acme")
    dana, lee = (make_member(account, Role.ADMIN) for _ in range(2))
    outcome: list[str] = []

    def lee_demotes_dana() -> None:
        try:
            people.change_role(Membership.objects.get(user=dana), Role.CSR, by=lee)
        except people.Refused as refused:
            outcome.append(str(refused))
        connection.close()

    second = threading.Thread(target=lee_demotes_dana)
    with transaction.atomic():
        people.change_role(Membership.objects.get(user=lee), Role.CSR, by=dana)
        second.start()
        second.join(timeout=0.5)
        assert second.is_alive(), "it waits for the lock"
    second.join()
    assert outcome == ["Nothing was changed: you are not an admin here any more."]
    assert [row.user for row in Membership.objects.admins(account)] == [dana]
