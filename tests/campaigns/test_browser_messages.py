"""The page of a workflow’s messages in a browser: written by keyboard, fields inserted, kept by itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import MessageDraft, WorkflowVersion
from conversations.models import Message
from tests import factories
from tests.browser import axe
from tests.campaigns.browsing import looking

pytestmark = pytest.mark.django_db(transaction=True)
NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("text", "send_sms", {"body": "Hi {{ first_name }}", "spanish": {"body": "Hola {{ first_name }}"}}),
    ("email", "send_email", {"subject": "Hi", "body": "Hello {{ first_name }}"}),
    ("done", "end", {}),
]
EDGES = [("text", "next", "email"), ("email", "next", "done")]


@pytest.fixture
def version(live_server: Any) -> WorkflowVersion:
    account = factories.make_account("Comfort Air")
    ann = factories.make_contact(account, "+13125550101", first_name="Ann", name="Ann Rivera")
    factories.give_mailbox(ann, "ann@example.org")
    factories.make_contact(account, "+13125550102", first_name="José", name="José Diaz", language="es")
    factories.make_audience(account, name="Everybody")
    return factories.make_workflow(account, NODES, EDGES, name="Tune-up")


@pytest.fixture
def site(page: Page, live_server: Any, version: WorkflowVersion) -> Iterator[Page]:
    """A marketer's browser on the page; anything on its console fails the test."""
    by = factories.make_user(version.workflow.account, "marketer")
    with looking(page, f"{live_server.url}/workflows/{version.workflow_id}/messages/", by) as site:
        yield site


def test_words_are_written_by_keyboard_with_a_field_and_kept(site: Page, version: WorkflowVersion) -> None:
    preview = site.locator("#preview-text")
    expect(preview).to_contain_text("Hi Ann")
    box = site.locator("#id_text_body")
    box.focus()
    site.keyboard.press("End")
    site.keyboard.type(", from ")
    expect(preview).to_contain_text("Hi Ann, from")
    site.locator("[data-fields-for=id_text_body]").press("Enter")
    expect(site.get_by_label("Search fields")).to_be_focused()
    site.keyboard.type("comp nam")
    site.keyboard.press("Enter")
    expect(site.get_by_text("Where company name is not known")).to_be_visible()
    site.get_by_label("Words instead").fill("us")
    site.keyboard.press("Enter")
    expect(box).to_be_focused()
    expect(box).to_have_value('Hi {{ first_name }}, from {{ company | default: "us" }}')
    expect(preview).to_contain_text("Hi Ann, from Comfort Air")
    expect(site.locator("#state-text")).to_contain_text("Draft")
    site.locator("#preview-email").scroll_into_view_if_needed()
    expect(site.frame_locator("#preview-email .pane__frame--light").get_by_text("Hello Ann")).to_be_visible()
    assert (
        MessageDraft.objects.get().words["body"] == 'Hi {{ first_name }}, from {{ company | default: "us" }}'
    )
    site.get_by_label("Next contact").press("Enter")
    expect(preview).to_contain_text("Hola José")
    site.get_by_role("link", name="Review and publish").press("Enter")
    expect(site.locator("#publish ins")).to_contain_text("default:")
    site.get_by_role("button", name="Publish version 2").press("Enter")
    expect(site.get_by_text("Tune-up v2 is published")).to_be_visible()
    assert version.workflow.versions.count() == 2


def test_each_press_of_the_test_is_one_and_an_error_is_told(
    page: Page, live_server: Any, version: WorkflowVersion
) -> None:
    account = version.workflow.account
    factories.make_mailbox(account)
    url = f"{live_server.url}/workflows/{version.workflow_id}/messages/"
    with looking(page, url, factories.make_user(account, "marketer"), expected="404") as site:
        once, button = site.locator("#once-email"), site.get_by_role("button", name="Send me a test")
        for presses in (1, 2):
            before = once.input_value()
            button.click()
            expect(once).not_to_have_value(before)
            assert Message.objects.count() == presses
        gone = "<p role=alert><strong>It is gone</strong></p>"
        site.route("**/test/", lambda route: route.fulfill(status=404, body=gone, content_type="text/html"))
        before = once.input_value()
        button.click()
        expect(site.locator(".toast", has_text="It is gone")).to_be_visible()
        expect(once).to_have_value(before)


def test_what_is_wrong_stands_at_the_field_and_nothing_is_inaccessible(site: Page) -> None:
    box, size = site.locator("#id_text_body"), site.locator("#id_text_body-size")
    expect(size).to_contain_text("1 segment")  # before anything is typed
    box.fill("Hi {{ nickname }}")
    expect(site.locator("#id_text_body_error")).to_contain_text("There is no merge field “nickname”.")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(size).to_contain_text("Counted once every merge field in it exists.")
    told = []
    for width in axe.WIDTHS:
        site.set_viewport_size({"width": width, "height": 900})
        told += axe.by_day_and_night(site)
        wide = site.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"it scrolls sideways at {width}"
    site.locator("[data-fields-for=id_text_body]").click()
    told += axe.by_day_and_night(site)
    site.keyboard.press("Escape")
    assert not told
