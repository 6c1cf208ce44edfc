"""`issue_token`, `first_admin` and `add_user`."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, ApiToken, AuditEntry, Membership, Role, User
from tests.accounts.making import make_account, make_member, make_user

pytestmark = pytest.mark.django_db


def run(name: str, *args: str, **options: Any) -> str:
    """What the command prints."""
    out = StringIO()
    call_command(name, *args, stdout=out, **options)
    return out.getvalue().strip()


def test_issue_token_prints_a_working_token_and_nothing_else() -> None:
    account = make_account()
    admin = make_member(account)
    token = ApiToken.objects.recognise(run("issue_token", "--scopes", "all"))
    assert token is not None
    assert (token.account, token.created_by, token.scopes) == (account, admin, ["all"])
    assert AuditEntry.objects.get().verb == "issued_token"


def test_issue_token_for_a_named_admin_and_account() -> None:
    make_member(make_account())
    account = make_account()
    make_member(account)
    second = make_member(account, Role.ADMIN, make_user("second@example.com"))
    secret = run(
        "issue_token", "--scopes", "reply, view", "--account", account.slug, "--email", "Second@example.com"
    )
    token = ApiToken.objects.recognise(secret)
    assert token is not None and (token.created_by, token.scopes) == (second, ["reply", "view"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scopes", "everything"], "Unknown scope: everything"),
        (["--scopes", ""], "Unknown scope"),
        (["--scopes", "all", "--account", "nope"], "no account “nope”"),
        (["--scopes", "all", "--email", "agent@example.com"], "no admin agent@example.com"),
    ],
)
def test_issue_token_refuses_with_a_reason(options: list[str], words: str) -> None:
    account = make_account()
    make_member(account)
    make_member(account, Role.AGENT, make_user("agent@example.com"))
    with pytest.raises(CommandError, match=words):
        run("issue_token", *options)
    assert not ApiToken.objects.exists()


def test_issue_token_without_account_says_how_to_make_one() -> None:
    with pytest.raises(CommandError, match="first_admin"):
        run("issue_token", "--scopes", "all")


def test_first_admin_makes_account_and_admin_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUCKROLL_ADMIN", "Boss@Example.com:pass:with:colons")
    run("first_admin")
    assert "nothing was changed" in run("first_admin")
    boss = User.objects.get()
    assert boss.email == "boss@example.com" and boss.check_password("pass:with:colons")
    assert Membership.objects.get().role == Role.ADMIN
    assert Account.objects.get().slug == "my-company"
    assert AuditEntry.objects.get().verb == "added_member"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "Set TRUCKROLL_ADMIN"),
        ("boss@example.com", "Set TRUCKROLL_ADMIN"),
        ("boss@example.com:", "Set TRUCKROLL_ADMIN"),
        ("boss:a long enough password", "not an email address"),
        ("boss@example.com:short", "too short"),
    ],
)
def test_first_admin_refuses_with_a_reason(monkeypatch: pytest.MonkeyPatch, value: str, words: str) -> None:
    monkeypatch.setenv("TRUCKROLL_ADMIN", value)
    with pytest.raises(CommandError, match=words):
        run("first_admin")
    assert not User.objects.exists() and not Account.objects.exists()


def test_first_admin_does_not_enter_a_deployment_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    make_member(make_account())
    monkeypatch.setenv("TRUCKROLL_ADMIN", "late@example.com:a long enough password")
    with pytest.raises(CommandError, match="users already"):
        run("first_admin")


def test_add_user_adds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_account("Acme")
    monkeypatch.setenv("TRUCKROLL_PASSWORD", "a long enough password")
    assert run("add_user", "Dana@example.com", "--role", "csr", "--name", "Dana") == "Dana in Acme: CSR"
    with pytest.raises(CommandError, match="member of Acme already"):
        run("add_user", "dana@example.com", "--role", "admin")
    assert Membership.objects.get().account == account


def test_add_user_leaves_the_password_of_a_known_person_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    dana = make_member(make_account(), user=make_user("dana@example.com"))
    second = make_account()
    monkeypatch.setenv("TRUCKROLL_PASSWORD", "an attempt to take over")
    run("add_user", "dana@example.com", "--role", "agent", "--account", second.slug)
    dana.refresh_from_db()
    assert not dana.check_password("an attempt to take over")
    assert dana.memberships.count() == 2


def test_add_user_without_password_waits_for_a_reset() -> None:
    make_account()
    run("add_user", "dana@example.com", "--role", "agent", "--no-password")
    assert not User.objects.get().has_usable_password()
