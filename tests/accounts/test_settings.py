"""Settings: overview, profile, roles and the account."""

import re
from html import unescape

import pytest
from django.test import Client

from accounts import access, settings_sections, zones
from accounts.models import Account, AuditEntry, Role, User
from common import clock
from tests.accounts.making import (
    PASSWORD,
    make_account,
    make_business_unit,
    make_member,
    make_user,
    signed_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.pages")]
NEW_PASSWORD = "a different long password"


def read(client: Client, url: str) -> str:
    """The page's text, entities resolved."""
    return unescape(client.get(url).content.decode())


def test_everybody_opens_settings_and_sees_their_own_sections() -> None:
    account = make_account()
    for role in Role:
        page = read(signed_in(make_member(account, role)), "/settings/")
        for section in ("profile", "roles"):
            assert f'href="/settings/{section}/"' in page
        for section in ("people", "account", "audit-log"):
            assert (f'href="/settings/{section}/"' in page) is (role == Role.ADMIN)


@pytest.mark.parametrize("section", ["people", "people/invite", "account", "audit-log"])
def test_section_of_admins_opened_by_address_says_who_may_and_who_grants(section: str) -> None:
    account = make_account("Acme")
    make_member(account, Role.ADMIN, make_user(name="Dana Reed"))
    answer = signed_in(make_member(account, Role.MARKETER)).get(f"/settings/{section}/")
    page = unescape(answer.content.decode())
    assert answer.status_code == 403
    assert "This needs the role Admin; in Acme you are Marketer." in page
    assert "An admin can grant it: Dana Reed." in page


def test_present_section_is_marked_also_from_a_page_below_it() -> None:
    client = signed_in(make_member(make_account()))
    assert 'href="/settings/people/" aria-current="page"' in read(client, "/settings/people/")
    assert 'href="/settings/people/" aria-current="true"' in read(client, "/settings/people/invite/")
    assert 'href="/settings/people/" aria-current' not in read(client, "/settings/account/")


def test_other_apps_bring_sections_and_those_without_a_page_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings_sections, "_sections", dict(settings_sections._sections))
    settings_sections.register("Units", "units", "manage_numbers", 15, icon="phone", note="All of them")
    settings_sections.register("Nowhere", "no-such-page", "view", 5)
    labels = [one.label for one in settings_sections.of(Role.ADMIN)]
    assert labels[:3] == ["Profile", "Units", "People"] and "Nowhere" not in labels
    assert "Units" not in [one.label for one in settings_sections.of(Role.CSR)]


def test_roles_page_is_what_access_decides() -> None:
    page = read(signed_in(make_member(make_account(), Role.AGENT)), "/settings/roles/")
    rows = re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', page, re.S)
    assert len(rows) == len(access.CAN)
    for (phrase, cells), capability in zip(rows, access.CAN.values(), strict=True):
        assert phrase.lower() == capability.phrase.lower()
        shown = re.findall(r"visually-hidden\">(Yes|No)<", cells)
        roles = (Role.CSR, Role.MARKETER, Role.AGENT, Role.ADMIN)
        assert shown == ["Yes" if capability.held_by(role) else "No" for role in roles]


def test_role_is_described_by_what_sets_it_apart() -> None:
    assert "call customers and work the call queue" in access.particular(Role.AGENT)
    assert "look at pages" not in access.particular(Role.AGENT)
    assert "manage users and roles" in access.particular(Role.ADMIN)
    assert "launch campaigns" not in access.particular(Role.ADMIN)


def test_own_name_and_theme() -> None:
    user = make_member(make_account(), Role.CSR)
    client = signed_in(user)
    assert 'data-theme="system"' in read(client, "/settings/profile/")
    client.post("/settings/profile/", {"name": "Dana R. Reed", "theme": "dark", "email": "x@example.com"})
    page = read(client, "/settings/profile/")
    assert "Dana R. Reed" in page and "Your profile is saved." in page and 'data-theme="dark"' in page
    assert User.objects.get().email == user.email, "the mailbox is not one's own to change"
    empty = client.post("/settings/profile/", {"name": " ", "theme": "dark"})
    assert empty.status_code == 422 and "Your profile is not saved" in empty.content.decode()
    assert "Dana R. Reed" in empty.content.decode(), "the shell keeps the saved name"
    assert client.post("/settings/profile/", {"name": "x", "theme": "neon"}).status_code == 422


def test_own_password_needs_the_present_one_and_ends_other_sessions() -> None:
    user = make_member(make_account(), Role.AGENT)
    here, elsewhere = signed_in(user), signed_in(user)
    asked = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    wrong = here.post("/settings/profile/password/", {"old_password": "not it", **asked})
    assert wrong.status_code == 422 and "This is not your present password" in wrong.content.decode()
    weak = {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    assert here.post("/settings/profile/password/", weak).status_code == 422
    assert elsewhere.get("/settings/profile/").status_code == 200
    done = here.post("/settings/profile/password/", {"old_password": PASSWORD, **asked}, follow=True)
    assert "signed out everywhere else" in done.content.decode()
    assert elsewhere.get("/settings/profile/").status_code == 302
    user.refresh_from_db()
    assert user.check_password(NEW_PASSWORD)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.by, entry.detail) == ("changed_password", user, {})


def test_password_forms_tell_password_managers_what_they_are() -> None:
    page = read(signed_in(make_member(make_account())), "/settings/profile/")
    for words in (
        'autocomplete="username"',
        'autocomplete="current-password"',
        'autocomplete="new-password"',
    ):
        assert words in page
    assert 'autocomplete="current-password"' in read(Client(), "/login/")


def test_account_changes_name_and_zone_and_the_log_says_from_what() -> None:
    account = make_account("Acme", "America/Chicago")
    make_business_unit(account, "HVAC North")
    make_business_unit(make_account("Elsewhere"), "Not ours")
    client = signed_in(make_member(account))
    page = read(client, "/settings/account/")
    assert "HVAC North" in page and "Not ours" not in page and "begin at midnight there" in page
    data = {"name": "Acme Air", "timezone": "America/Denver"}
    answer = client.post("/settings/account/", data, follow=True)
    account.refresh_from_db()
    assert (account.name, account.timezone) == ("Acme Air", "America/Denver")
    assert "Renamed Acme to Acme Air and moved the account’s time" in answer.content.decode()
    entry = AuditEntry.objects.get()
    assert entry.detail == {"name": "Acme → Acme Air", "time_zone": "America/Chicago → America/Denver"}
    client.post("/settings/account/", data)
    assert AuditEntry.objects.count() == 1, "nothing changed is no act"
    wrong = client.post("/settings/account/", {"name": "", "timezone": "Mars/Olympus"})
    assert wrong.status_code == 422 and Account.objects.get(pk=account.pk).name == "Acme Air"


def test_zones_of_the_country_come_first_and_an_old_name_stays_choosable() -> None:
    groups = dict(zones.choices())
    assert list(groups) == ["United States", "Elsewhere"]
    assert groups["United States"][0] == ("America/New_York", "Eastern · New York")
    assert not {name for name, _ in groups["United States"]} & {name for name, _ in groups["Elsewhere"]}
    account = make_account("Acme", "US/Eastern")
    client = signed_in(make_member(account))
    assert 'value="US/Eastern" selected' in read(client, "/settings/account/")
    assert client.post("/settings/account/", {"name": "B", "timezone": "US/Eastern"}).status_code == 302


def test_sign_in_is_noted_by_the_products_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_member(make_account(), user=make_user("dana@example.com"))
    then = clock.now().replace(year=clock.now().year + 1)
    monkeypatch.setattr(clock, "now", lambda: then)
    Client().post("/login/", {"username": "dana@example.com", "password": PASSWORD})
    user.refresh_from_db()
    assert user.last_login == then
