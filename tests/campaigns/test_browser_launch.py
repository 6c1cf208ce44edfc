"""The creation modal and the verbs in a real browser: by keyboard, closed and reopened, clicked twice."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from accounts.models import Account
from campaigns.models import Campaign, LaunchDraft
from tests import factories
from tests.campaigns.browsing import launching_company, looking
from tests.campaigns.test_pages_campaigns import launched

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(live_server: Any) -> Account:
    return launching_company("Main line")


@pytest.fixture
def site(page: Page, live_server: Any, account: Account) -> Iterator[Page]:
    """A CSR's browser on the list; anything on its console but the answer 422 fails the test."""
    by = factories.make_user(account, "csr")
    with looking(page, f"{live_server.url}/campaigns/", by, expected="status of 422") as site:
        yield site


def press(site: Page, *keys: str) -> None:
    for key in keys:
        site.keyboard.press(key)


def at_heading(site: Page, words: str) -> None:
    """A new stage begins with focus on its heading."""
    expect(site.get_by_role("heading", name=words)).to_be_focused()


def test_a_csr_launches_by_keyboard_alone(site: Page, live_server: Any) -> None:
    site.get_by_role("link", name="New campaign").focus()
    press(site, "Enter")
    at_heading(site, "What do you want to send?")
    press(site, "Tab", "Enter")
    expect(site.get_by_role("alert")).to_contain_text("Give the campaign a name")
    expect(site.locator("#error-summary")).to_be_focused()
    press(site, "Tab", "Enter")
    expect(site.get_by_label("Campaign name")).to_be_focused()
    site.keyboard.type("Spring tune-ups")
    press(site, "Tab", "T")
    expect(site.locator("#launch-summary")).to_contain_text("Hi {{ first_name }}")
    press(site, "Tab", "Shift+Tab", "Shift+Tab", "Enter")
    at_heading(site, "Who should get it?")
    press(site, "Tab", "E")
    expect(site.locator("#launch-summary")).to_contain_text("3 contacts would get it")

    # Escape closes; the draft is where it was left, the focus where it came from.
    press(site, "Escape")
    expect(site.locator("#modal")).to_be_hidden()
    expect(site.get_by_role("link", name="New campaign")).to_be_focused()
    press(site, "Enter")
    at_heading(site, "Who should get it?")
    expect(site.get_by_text("You are continuing your draft")).to_be_visible()
    expect(site.get_by_label("Audience", exact=True)).to_have_value(re.compile(r"\d+"))
    site.get_by_label("Audience", exact=True).focus()
    site.get_by_role("button", name="Continue", exact=True).last.focus()
    press(site, "Enter")
    at_heading(site, "Which number sends it?")
    press(site, "Tab")
    expect(site.get_by_label("Main line")).to_be_focused()
    press(site, "Enter")
    at_heading(site, "When does it start?")
    press(site, "Tab", "Enter")
    at_heading(site, "Check it, then send")
    site.get_by_role("button", name="Send to 3 contacts").focus()
    press(site, "Enter")
    expect(site.locator("h1")).to_contain_text("Spring tune-ups")
    expect(site).to_have_url(re.compile(r"/campaigns/\d+/$"))
    assert Campaign.objects.count() == 1 and not LaunchDraft.objects.exists()


def test_what_is_typed_in_the_last_moment_is_kept_and_two_clicks_launch_once(
    site: Page, live_server: Any
) -> None:
    held: list[Route] = []
    site.route(re.compile("quiet=1"), lambda route: held.append(route), times=1)
    site.get_by_role("link", name="New campaign").click()
    site.get_by_label("Campaign name").press_sequentially("Typed and gone")
    with site.expect_request(re.compile("quiet=1")):
        press(site, "Escape")  # sooner than the half second after which a pause in typing is kept
    site.get_by_role("link", name="New campaign").click()
    held[0].continue_()  # on a slow line it is still under way when the modal is opened again
    expect(site.get_by_label("Campaign name")).to_have_value("Typed and gone")
    site.get_by_label("Workflow", exact=True).select_option(index=1)
    for words in ("Who should get it?", "Which number sends it?", "When does it start?", "Check it"):
        site.get_by_role("button", name="Continue", exact=True).last.click()
        at_heading(site, words)
        if words.startswith("Who"):
            site.get_by_label("Audience", exact=True).select_option("Everybody")
    site.get_by_role("button", name="Audience").click()
    at_heading(site, "Who should get it?")
    site.get_by_role("button", name="Review").click()
    site.get_by_role("button", name="Send to 3 contacts").dblclick()
    expect(site.locator("h1")).to_contain_text("Typed and gone")
    assert Campaign.objects.count() == 1


def test_an_audience_is_narrowed_by_keyboard_kept_and_saved(site: Page, account: Account) -> None:
    factories.make_contact(account, "+13125550109", kind="commercial")
    site.get_by_role("link", name="New campaign").click()
    site.get_by_label("Campaign name").fill("Companies first")
    site.get_by_label("Workflow", exact=True).select_option(index=1)
    site.get_by_role("button", name="Continue", exact=True).last.click()
    at_heading(site, "Who should get it?")
    press(site, "Tab", "E")
    expect(site.locator("#launch-summary")).to_contain_text("4 contacts would get it")
    site.get_by_role("button", name="Kind of customer").focus()
    press(site, "Enter")
    asked = site.get_by_label("What this rule asks")
    expect(asked).to_be_focused()
    expect(site.locator("#launch-summary")).to_contain_text("choose at least one")
    expect(site.locator("#r-0-error")).to_contain_text("choose at least one")
    before = site.locator("#launch-form").bounding_box()
    press(site, "Tab", "Tab", "Tab", "Tab", "Space")  # comparison, list, its first kind, the second
    expect(site.locator("#launch-summary")).to_contain_text("1 contact would get it")
    expect(site.locator("#launch-effects")).to_contain_text("Kind of customer: commercial−3")
    expect(site.locator(".rule-choices summary")).to_have_text("commercial")
    expect(site.locator("#r-0-error")).to_be_empty()
    expect(asked).to_have_value("kind")
    assert site.locator("#launch-form").bounding_box() == before, "nothing jumps"

    press(site, "Escape")
    expect(site.locator("#modal")).to_be_hidden()
    site.get_by_role("link", name="New campaign").click()
    expect(site.get_by_label("What this rule asks")).to_have_value("kind")
    expect(site.locator("#launch-summary")).to_contain_text("1 contact would get it")
    site.get_by_text("Save as an audience").click()
    site.get_by_label("Name of the audience").fill("Companies")
    site.get_by_role("button", name="Save and choose it").click()
    expect(site.get_by_text("is saved, and chosen for this campaign")).to_be_visible()
    expect(site.get_by_label("What this rule asks")).to_have_count(0)
    expect(site.locator("#launch-summary")).to_contain_text("1 contact would get it")


def test_pausing_and_stopping_from_the_list(site: Page, live_server: Any, account: Account) -> None:
    campaign = launched(account)
    site.goto(f"{live_server.url}/campaigns/")
    more = site.get_by_label("More for Spring tune-ups")
    more.click()
    site.get_by_role("button", name="Pause").click()
    expect(site.locator(f"#campaign-{campaign.pk}")).to_contain_text("Paused")
    expect(site.get_by_text("keep their place")).to_be_visible()
    more.click()
    site.get_by_role("link", name="Stop …").click()
    expect(site.locator("#modal")).to_contain_text("3 customers still on the way get nothing more")
    site.get_by_label("Reason").fill("Wrong price")
    site.locator("#modal").get_by_role("button", name="Stop campaign").click()
    expect(site.locator("#modal")).to_be_hidden()
    expect(site.locator(f"#campaign-{campaign.pk}")).to_contain_text("Completed, stopped")
    expect(site.get_by_text("is stopped. No text was sent.")).to_be_visible()
