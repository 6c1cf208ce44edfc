"""The launch form in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import Account
from audiences import suppression
from campaigns.models import Campaign
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(live_server: Any) -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def site(page: Page, live_server: Any, account: Account) -> Iterator[Page]:
    """A CSR's browser; anything on its console but the answer 422 fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    cookie = signed_in(factories.make_user(account, "csr")).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield page
    assert not [text for text in complaints if "status of 422" not in text]


def test_launching_with_a_preview_that_follows_the_form(
    site: Page, live_server: Any, account: Account
) -> None:
    people = [factories.make_contact(account, f"+1312555010{number}") for number in range(3)]
    suppression.opt_out(factories.phone_of(people[0]), channel="phone", source="text", now=clock.now())
    factories.make_workflow(account, name="Tune-up season")
    factories.make_audience(account, name="Everybody")
    factories.make_number(account)
    site.goto(f"{live_server.url}/campaigns/new/")
    site.get_by_label("Workflow").select_option(index=1)
    site.get_by_label("Audience").select_option("Everybody")
    expect(site.get_by_role("button", name="Send to 2 contacts")).to_be_visible()
    expect(site.locator("#preview")).to_contain_text("Hi Pat, Comfort Air here.")
    site.get_by_label("Send from").select_option(index=1)
    site.get_by_label("Campaign name").fill("Spring tune-ups")
    site.get_by_label("Last job on or after").fill("2026-01-01")
    expect(site.get_by_role("button", name="Send to 0 contacts")).to_be_visible()
    site.get_by_role("button", name="Send to 0 contacts").click()
    expect(site.get_by_role("alert")).to_contain_text("Nobody is in this audience with these filters")
    expect(site.get_by_label("Campaign name")).to_have_value("Spring tune-ups")
    site.get_by_label("Last job on or after").fill("")
    site.get_by_label("Last job before").focus()
    site.get_by_role("button", name="Send to 2 contacts").dblclick()
    expect(site.locator("h1")).to_contain_text("Spring tune-ups")
    assert Campaign.objects.count() == 1
