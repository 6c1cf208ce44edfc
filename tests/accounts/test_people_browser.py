"""An invitation in a real browser, from the admin's page to the invited person's first sign-in."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from playwright.sync_api import Browser, Page, expect

from accounts.models import Membership, Role, User
from tests.accounts.making import make_account, make_member, make_user, signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.accounts.pages")]
NEW_PASSWORD = "chosen by Kim herself"


@pytest.fixture
def dana(live_server: Any) -> User:
    """The admin of Acme."""
    return make_member(make_account("Acme"), Role.ADMIN, make_user("dana@example.com", "Dana Reed"))


@pytest.fixture
def office(page: Page, live_server: Any, dana: User) -> Iterator[Page]:
    """Dana's browser on the list of people; anything on its console fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    cookie = signed_in(dana).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.goto(f"{live_server.url}/settings/people/")
    yield page
    assert not complaints


def test_invited_person_chooses_a_password_and_signs_in(
    office: Page, browser: Browser, live_server: Any
) -> None:
    office.get_by_role("link", name="Invite a person").click()
    office.get_by_label("Name").fill("Kim New")
    office.get_by_label("Email").fill("kim@example.com")
    office.get_by_role("radio", name=re.compile("^Agent")).check()
    office.get_by_role("button", name="Send invitation").click()
    row = office.get_by_role("row", name=re.compile("Kim New"))
    expect(row).to_contain_text("Invited")

    path = re.search(r"/invitation/\S+", str(mail.outbox[0].body))
    assert path
    home = browser.new_context()
    kim = home.new_page()
    kim.goto(f"{live_server.url}{path[0]}")
    kim.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    kim.get_by_label("New password confirmation").fill(NEW_PASSWORD)
    kim.keyboard.press("Enter")
    expect(kim.get_by_text("Your password is saved. Sign in with it.")).to_be_visible()
    kim.get_by_label("Email").fill("kim@example.com")
    kim.get_by_label("Password").fill(NEW_PASSWORD)
    kim.keyboard.press("Enter")
    expect(kim).to_have_url(f"{live_server.url}/")
    kim.goto(f"{live_server.url}/settings/")
    expect(kim.get_by_role("heading", name="Roles")).to_be_visible()
    expect(kim.get_by_role("heading", name="People")).to_have_count(0)
    home.close()

    office.reload()
    expect(row).to_contain_text("Active")


def test_removing_asks_first_and_cancel_keeps(office: Page, dana: User) -> None:
    make_member(dana.memberships.get().account, Role.CSR, make_user("lee@example.com", "Lee Park"))
    office.reload()
    office.get_by_role("link", name="Lee Park").click()
    button, dialog = office.get_by_role("button", name="Remove", exact=True), office.locator("#confirm")
    button.click()
    expect(dialog).to_contain_text("Remove Lee Park from Acme?")
    office.keyboard.press("Escape")
    expect(button).to_be_focused()
    assert Membership.objects.count() == 2
    button.click()
    dialog.get_by_role("button", name="Remove Lee").click()
    expect(office.get_by_text("Lee Park is no member of Acme any more.")).to_be_visible()
    expect(office.get_by_role("row", name=re.compile("Lee Park"))).to_have_count(0)
