"""Several numbers in a real browser: chosen in the modal, changed while the campaign runs, taken back."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from campaigns import pools
from campaigns.models import Campaign
from tests import factories
from tests.browser import axe
from tests.campaigns.browsing import launching_company, looking

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(live_server: Any) -> Account:
    return launching_company("Main line", "Second line", people=1)


@pytest.fixture
def site(page: Page, live_server: Any, account: Account) -> Iterator[Page]:
    """A CSR's browser on the list; anything on its console fails the test."""
    with looking(page, f"{live_server.url}/campaigns/", factories.make_user(account, "csr")) as site:
        yield site


def launch(site: Page) -> Campaign:
    """From both numbers, by keyboard where they are chosen."""
    site.get_by_role("link", name="New campaign").click()
    site.get_by_label("Campaign name").fill("Spring tune-ups")
    site.get_by_label("Workflow", exact=True).select_option(index=1)
    proceed(site, "Who should get it?")
    site.get_by_label("Audience", exact=True).select_option("Everybody")
    proceed(site, "Which number sends it?")
    site.get_by_label("Main line").focus()
    site.keyboard.press("Space")
    site.keyboard.press("Tab")
    expect(site.get_by_label("Second line")).to_be_focused()
    site.keyboard.press("Space")
    expect(site.locator("#launch-summary")).to_contain_text("Second line")
    assert axe.by_day_and_night(site) == []
    proceed(site, "When does it start?")
    proceed(site, "Check it, then send")
    site.get_by_role("button", name="Send to 1 contact").click()
    expect(site.locator("h1")).to_contain_text("Spring tune-ups")
    return Campaign.objects.get()


def proceed(site: Page, heading: str) -> None:
    site.get_by_role("button", name="Continue", exact=True).last.click()
    expect(site.get_by_role("heading", name=heading)).to_be_focused()


def test_numbers_are_chosen_changed_and_taken_back(site: Page, live_server: Any) -> None:
    campaign = launch(site)
    both = pools.ids_of(campaign)
    assert len(both) == 2
    site.goto(f"{live_server.url}/campaigns/{campaign.pk}/?tab=settings")
    site.get_by_role("link", name="Numbers", exact=True).click()
    box = site.get_by_label("Second line")
    expect(box).to_be_checked()
    assert axe.by_day_and_night(site) == []
    box.uncheck()
    site.get_by_role("button", name="Send from these").click()
    expect(site.get_by_text("sends from Main line from now on")).to_be_focused()
    campaign.refresh_from_db()
    assert pools.ids_of(campaign) == [campaign.number_id]
    expect(site.locator("[aria-labelledby=made-heading]")).not_to_contain_text("Second line")
    site.get_by_role("button", name="Undo").last.click()
    expect(site.get_by_text("sends from Main line and Second line from now on")).to_be_visible()
    assert sorted(pools.ids_of(campaign)) == sorted(both)
    site.set_viewport_size({"width": 390, "height": 800})
    site.goto(f"{live_server.url}/campaigns/{campaign.pk}/senders/")
    expect(site.get_by_role("heading", name="Numbers", exact=True)).to_be_visible()
    assert axe.by_day_and_night(site) == []
    assert site.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
