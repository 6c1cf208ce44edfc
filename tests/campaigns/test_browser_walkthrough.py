"""A test on oneself in a browser: walked by keyboard alone, the path drawn, nothing inaccessible."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import WorkflowVersion
from conversations.models import Message
from tests import factories
from tests.browser import axe
from tests.campaigns.browsing import looking
from tests.campaigns.walking import company

pytestmark = pytest.mark.django_db(transaction=True)
NODES = [
    ("text", "send_sms", {"body": "Hi {{ first_name }}, see https://www.example.com/offer"}),
    ("reply", "wait_for_reply", {"timeout_minutes": 60}),
    ("booking", "book_job", {"summary": "Tune-up"}),
    ("mail", "send_email", {"subject": "Still time, {{ first_name }}", "body": "Your offer stands."}),
    ("done", "end", {}),
]
EDGES = [
    ("text", "next", "reply"), ("reply", "booking_yes", "booking"), ("reply", "no_reply", "mail"),
    ("reply", "reply", "done"), ("mail", "next", "done"), ("booking", "next", "done"),
]  # fmt: skip


@pytest.fixture
def version(live_server: Any, noon: Any) -> WorkflowVersion:
    account, _, _ = company()
    return factories.make_workflow(account, NODES, EDGES, name="Autumn offer")


@pytest.fixture
def site(page: Page, live_server: Any, version: WorkflowVersion) -> Iterator[Page]:
    """A marketer's browser; anything on its console fails the test."""
    by = factories.make_user(version.workflow.account, "marketer")
    url = f"{live_server.url}/workflows/{version.workflow_id}/test/"
    with looking(page, url, by, expected="status of 4") as site:
        yield site


def test_a_workflow_is_walked_by_keyboard_alone(site: Page) -> None:
    keys = site.keyboard
    site.get_by_label("A sample person who reads English").focus()
    site.get_by_role("button", name="Begin").press("Enter")
    site.get_by_role("button", name="Send it").press("Enter")
    expect(site.locator(".talk__words").first).to_contain_text("Hi Ann, see")
    expect(site.locator(".diagram__edge.diagram__line--walked")).to_have_count(2)
    expect(site.get_by_role("button", name="Say nothing")).to_be_focused()
    site.get_by_label("Answer as the customer").focus()
    keys.type("Yes please, book me in")
    site.get_by_role("button", name="Text it").press("Enter")
    expect(site.locator(".talk__in")).to_contain_text("read as a yes to booking")
    expect(site.get_by_label("Answer as the customer")).to_have_value("")
    site.get_by_role("button", name="Ask for it").press("Enter")
    expect(site.get_by_role("button", name="ServiceTitan makes it a job")).to_be_visible()
    expect(site.locator("#walk-stands, #do-made, #do-next").and_(site.locator(":focus"))).to_have_count(1)
    site.get_by_role("button", name="ServiceTitan makes it a job").press("Enter")
    expect(site.locator(".talk__end")).to_contain_text("Came to the end")
    site.get_by_role("button", name="Undo").press("Enter")
    expect(site.locator(".talk__end")).to_have_count(0)
    assert not Message.objects.exists()


def test_two_tabs_are_told(site: Page) -> None:
    site.get_by_role("button", name="Begin").click()
    site.wait_for_url("**/test/*/")
    other = site.context.new_page()
    other.goto(site.url)
    other.get_by_role("button", name="Send it").click()
    expect(other.locator(".talk__out")).to_have_count(1)
    site.get_by_role("button", name="Send it").click()
    expect(site.get_by_role("alert")).to_contain_text("gone on with meanwhile")
    expect(site.locator(".talk__out")).to_have_count(1)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_is_inaccessible_or_too_wide(site: Page, width: int, scheme: Any) -> None:
    site.set_viewport_size({"width": width, "height": 844})
    site.emulate_media(color_scheme=scheme)
    assert axe.violations(site) == []
    site.get_by_role("button", name="Begin").click()
    site.get_by_role("button", name="Send it").click()
    expect(site.locator(".talk__out")).to_have_count(1)
    site.get_by_role("button", name="Say nothing").click()
    expect(site.locator(".talk__frame")).to_be_visible()
    assert axe.violations(site) == []
    assert site.evaluate("document.documentElement.scrollWidth <= innerWidth")
