"""The shell in a real browser: polling, tokens, questions and toasts under the strict policy."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, Request, expect

from accounts.models import Role, User
from tests.accounts import pages
from tests.accounts.making import PASSWORD, make_account, make_member, make_user, signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.accounts.pages")]
HIDE = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})"
under_way: set[Request] = set()
SIGNED_OUT = "status of 401"  # what the browser notes about a poll that came too late


@pytest.fixture
def member(live_server: Any) -> User:
    """Somebody who can sign in."""
    return make_member(make_account("Acme"), Role.CSR, make_user("dana@example.com", "Dana Reed"))


@pytest.fixture
def site(page: Page, live_server: Any, member: User) -> Iterator[Page]:
    """A signed-in browser on the live page; anything on its console fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    cookie = signed_in(member).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    pages.fragments_sent.clear()
    under_way.clear()
    page.on("request", lambda request: under_way.add(request))
    page.on("requestfinished", lambda request: under_way.discard(request))
    page.on("requestfailed", lambda request: under_way.discard(request))
    page.goto(f"{live_server.url}/live/")
    yield page
    assert not [text for text in complaints if SIGNED_OUT not in text]


def sent(site: Page) -> int:
    """How many fragments the page was sent, once nothing that it has asked is under way."""
    deadline = time.monotonic() + 10
    while under_way:
        assert time.monotonic() < deadline, under_way
        site.wait_for_timeout(20)
    return len(pages.fragments_sent)


def leave(page: Page) -> None:
    """Sign out through the account zone's menu."""
    page.locator(".account-zone summary").click()
    page.get_by_role("button", name="Sign out").click()


def test_sign_in_by_keyboard_and_sign_out(page: Page, live_server: Any, member: User) -> None:
    page.goto(f"{live_server.url}/campaigns/")
    expect(page.get_by_label("Email")).to_be_focused()
    page.keyboard.type("dana@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("You are not signed in")
    page.get_by_label("Email").fill("dana@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/campaigns/")
    page.goto(live_server.url)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the page’s content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    leave(page)
    expect(page).to_have_url(f"{live_server.url}/login/")


def test_live_region_polls_marked_and_keeps_details_open(site: Page) -> None:
    site.locator("#details summary").click()
    expect(site.locator("#live")).to_contain_text(re.compile(r"[3-9] sent"))
    assert set(pages.fragments_sent) == {"1"}
    expect(site.locator("#details")).to_have_attribute("open", "")


def test_hidden_tab_asks_nothing_and_asks_at_once_on_return(site: Page) -> None:
    expect(site.locator("#live")).to_contain_text("sent")
    site.evaluate(HIDE)
    before = sent(site)
    time.sleep(1)
    assert len(pages.fragments_sent) == before
    site.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(site.locator("#live b")).not_to_have_text(f"{before} sent")


def test_question_is_asked_and_only_yes_sends(site: Page) -> None:
    button, dialog = site.locator("#ask"), site.locator("#confirm")
    for answer in ("Escape", "Cancel"):
        button.click()
        expect(dialog).to_contain_text("Save it now?")
        if answer == "Escape":
            site.keyboard.press("Escape")
        else:
            dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()
    expect(site.locator("#saved")).to_be_empty()
    button.click()
    dialog.get_by_role("button", name="Save it").click()
    expect(site.locator("#saved")).to_have_text("ok")
    toast = site.get_by_role("status").get_by_text("Saved é ✓")
    expect(toast).to_be_visible()
    site.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)


def test_page_opened_before_a_new_sign_in_still_posts(site: Page, live_server: Any) -> None:
    site.evaluate(HIDE)  # else its next poll, signed out, would leave for the sign-in page
    other = site.context.new_page()
    other.goto(f"{live_server.url}/")
    leave(other)
    other.get_by_label("Email").fill("dana@example.com")
    other.get_by_label("Password").fill(PASSWORD)
    other.keyboard.press("Enter")
    expect(other.get_by_text("Dana Reed", exact=True)).to_be_visible()
    site.locator("#ask").click()
    site.get_by_role("button", name="Save it").click()
    expect(site.locator("#saved")).to_have_text("ok")
    leave(site)
    expect(site).to_have_url(f"{live_server.url}/login/")


def test_poll_after_the_session_ended_leads_to_sign_in(site: Page, live_server: Any) -> None:
    expect(site.locator("#live")).to_contain_text("sent")
    User.objects.update(is_active=False)
    expect(site).to_have_url(f"{live_server.url}/login/?next=/live/")


def test_switch_pauses_every_region_and_resuming_asks_at_once(site: Page) -> None:
    switch = site.locator("#live-switch")
    expect(switch).to_have_text("Live")
    switch.click()
    expect(switch).to_have_text("Paused")
    expect(switch).to_have_attribute("aria-pressed", "true")
    before = sent(site)
    time.sleep(1)
    assert len(pages.fragments_sent) == before
    switch.click()
    expect(switch).to_have_text("Live")
    expect(site.locator("#live b")).not_to_have_text(f"{before} sent")


def test_region_asks_more_rarely_while_nobody_is_there(site: Page) -> None:
    expect(site.locator("#live")).to_contain_text("sent")
    site.evaluate("const now = Date.now; Date.now = () => now() + 6 * 60 * 1000")
    before = sent(site)
    time.sleep(2)
    assert len(pages.fragments_sent) - before <= 3, "two seconds are ten turns"
    site.mouse.move(40, 40)
    expect(site.locator("#live b")).not_to_have_text(f"{before} sent")


def test_keys_open_and_close_what_they_say_and_can_be_switched_off(site: Page) -> None:
    dialog = site.locator("#shortcuts")
    site.keyboard.press("?")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Use single-key shortcuts").uncheck()
    site.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    site.keyboard.press("?")
    expect(dialog).to_be_hidden()


def test_menu_closes_on_escape_and_gives_the_focus_back(site: Page) -> None:
    menu = site.locator(".account-zone")
    menu.locator("summary").click()
    expect(menu.get_by_role("button", name="Sign out")).to_be_visible()
    site.keyboard.press("Escape")
    expect(menu.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    site.locator("main").click(position={"x": 5, "y": 5})
    expect(menu.get_by_role("button", name="Sign out")).to_be_hidden()
