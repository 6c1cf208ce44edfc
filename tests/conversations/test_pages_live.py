"""A thread in a real browser: what arrives while somebody writes, sending by keyboard, the composer's end."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from playwright.sync_api import Page, expect

from accounts.models import Account
from common import clock
from conversations import opt_outs
from conversations.models import Message, Note, Thread
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 10_000  # ms: 2 s where nothing else runs; here two browsers share the machine
CARET = "document.getElementById('id_body').selectionStart"


@pytest.fixture
def account(live_server: Any) -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def thread(account: Account) -> Thread:
    return factories.make_thread(account, body="Can you come Friday?", name="Pat Customer")


@pytest.fixture
def site(page: Page, live_server: Any, account: Account) -> Iterator[Page]:
    """An agent's browser; anything on its console but the answer 422 fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    cookie = signed_in(factories.make_user(account, "agent")).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield page
    assert not [text for text in complaints if "status of 422" not in text]


def opt_out(thread: Thread) -> None:
    """The customer writes STOP."""
    with transaction.atomic():
        opt_outs.record(
            [thread.address], contact=thread.contact, source="text", evidence="STOP", now=clock.now()
        )


def test_a_reply_arrives_while_somebody_types(site: Page, live_server: Any, thread: Thread) -> None:
    site.goto(f"{live_server.url}/conversations/")
    site.get_by_role("link", name="Pat Customer").click()
    box = site.get_by_role("textbox", name="Reply")
    box.press_sequentially("Friday at nine")
    box.press("ArrowLeft")
    box.press("ArrowLeft")
    factories.make_inbound(thread, "Or Saturday?")
    expect(site.locator("#timeline")).to_contain_text("Or Saturday?", timeout=AT_ONCE)
    expect(box).to_be_focused()
    expect(box).to_have_value("Friday at nine")
    assert site.evaluate(CARET) == len("Friday at ni")
    expect(site.locator("#thread-news")).to_contain_text("New message from Pat Customer: Or Saturday?")
    expect(site.locator("#id_body-size")).to_contain_text("1 segment")


def test_a_reply_sent_by_keyboard_shows_up_once(site: Page, live_server: Any, thread: Thread) -> None:
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    site.keyboard.press("r")
    box = site.locator("textarea:focus")
    expect(box).to_have_value("")
    box.press_sequentially("Friday at nine")
    box.press("Control+Enter")
    expect(site.locator("#timeline .bubble--out .bubble__words")).to_have_text(["Friday at nine"])
    expect(site.locator("#id_body")).to_have_value("")
    expect(site.locator("#id_body")).to_be_focused()
    assert Message.objects.filter(kind="agent").count() == 1


def test_drafts_outlive_a_reload_and_modes_are_apart(site: Page, live_server: Any, thread: Thread) -> None:
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    site.locator("#id_body").fill("Half a sent")
    site.get_by_text("Note", exact=True).click()
    expect(site.locator("#id_note_body")).to_be_focused()
    expect(site.locator("#id_body")).to_be_hidden()
    site.reload()
    expect(site.locator("#id_body")).to_have_value("Half a sent")
    site.locator("#live").click(position={"x": 200, "y": 200})
    site.keyboard.press("n")
    site.locator("#id_note_body").press_sequentially("Gate code 12")
    site.locator("#id_note_body").press("Control+Enter")
    expect(site.locator("#timeline .bubble--note")).to_contain_text("Gate code 12")
    assert Note.objects.count() == 1 and not Message.objects.filter(kind="agent").exists()


def test_an_opt_out_takes_the_composer_away(site: Page, live_server: Any, thread: Thread) -> None:
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    site.locator("#id_body").fill("We can come on")
    opt_out(thread)
    expect(site.get_by_role("heading", name="Pat Customer has opted out")).to_be_visible(timeout=AT_ONCE)
    expect(site.locator("#id_body")).to_have_count(0)
    expect(site.get_by_role("button", name="Send reply")).to_have_count(0)
    expect(site.locator("#opted-out")).to_contain_text("STOP")
    expect(site.get_by_label("Note for colleagues")).to_be_visible()


def test_actions_leave_the_draft_alone(site: Page, live_server: Any, thread: Thread) -> None:
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    site.locator("#id_body").fill("Half a sent")
    site.get_by_role("button", name="Assign to me").click()
    expect(site.locator("#thread")).to_contain_text("Assigned to")
    site.get_by_text("Escalate", exact=True).click()
    site.get_by_label("Why this needs somebody else").fill("Wants a refund")
    site.get_by_role("button", name="Escalate thread").click()
    expect(site.locator("#escalated")).to_contain_text("Wants a refund")
    expect(site.locator("#id_body")).to_have_value("Half a sent")


def test_what_comes_while_scrolled_up_waits_below(site: Page, live_server: Any, thread: Thread) -> None:
    for number in range(40):
        factories.make_inbound(thread, f"Line {number}")
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    scroller = site.locator("#thread-scroll")
    expect(site.get_by_text("Line 39").last).to_be_in_viewport()
    scroller.evaluate("box => { box.scrollTop = 0; }")
    expect(site.get_by_text("Can you come Friday?").last).to_be_in_viewport()
    factories.make_inbound(thread, "One more thing")
    site.get_by_role("button", name="New message").click(timeout=5_000)
    expect(site.locator("#timeline").get_by_text("One more thing")).to_be_in_viewport()
    expect(site.get_by_role("button", name="New message")).to_be_hidden()


def test_a_thread_is_closed_after_the_newest_was_shown(site: Page, live_server: Any, thread: Thread) -> None:
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    factories.make_inbound(thread, "Never mind, all is well")
    expect(site.locator("#timeline")).to_contain_text("Never mind", timeout=AT_ONCE)
    site.keyboard.press("e")
    expect(site.get_by_text("The thread with Pat Customer is closed.")).to_be_visible()
    thread.refresh_from_db()
    assert thread.state == "closed"


def test_opting_out_asks_first(site: Page, live_server: Any, thread: Thread) -> None:
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    site.get_by_text("Opt this customer out").click()
    site.get_by_label("What the customer said").fill("No more")
    site.get_by_role("button", name="Opt out", exact=True).click()
    site.locator("dialog").get_by_role("button", name="Cancel").click()
    assert not thread.address.opt_outs.exists()
    site.get_by_role("button", name="Opt out", exact=True).click()
    site.locator("dialog").get_by_role("button", name="Opt out").click()
    expect(site.get_by_role("heading", name="Pat Customer has opted out")).to_be_visible()
