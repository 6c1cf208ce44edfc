"""What only a browser can show: the count follows the rules, the list follows the search."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import Account, Role
from tests.accounts.making import make_account, make_member, signed_in
from tests.audiences import people

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(transactional_db: None) -> Account:
    """A contractor with two contacts."""
    account = make_account("Acme")
    people.contact(account, name="Ann Doe", kind="commercial")
    people.contact(account, name="Bob Roe")
    return account


@pytest.fixture
def site(page: Page, live_server: Any, account: Account) -> Iterator[Page]:
    """A CSR's browser; anything on its console fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    cookie = signed_in(make_member(account, Role.CSR)).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield page
    assert not complaints


def test_count_follows_every_change_of_the_rules(site: Page, live_server: Any) -> None:
    site.goto(f"{live_server.url}/audiences/new/")
    count = site.locator("#audience-count output data")
    expect(count).to_have_text("2")
    site.get_by_label("Name").fill("Companies")
    site.get_by_role("button", name="Rule", exact=True).press("Enter")
    asked = site.get_by_label("What this rule asks")
    expect(asked).to_be_focused()
    asked.focus()
    asked.select_option("kind")
    expect(site.locator("#audience-count")).to_contain_text("choose at least one")
    expect(site.locator("#r-0-error")).to_contain_text("choose at least one")
    expect(asked).to_be_focused()
    expect(asked).to_have_attribute("aria-invalid", "true")
    site.get_by_label("commercial").check()
    expect(count).to_have_text("1")
    expect(site.locator("#audience-effects")).to_contain_text("Kind of customer: commercial−1")
    expect(site.locator("#r-0-effect")).to_contain_text("−1")
    expect(site.locator("#left-out-open_job")).to_have_text("leaves out nobody")
    site.get_by_label("An open or scheduled job").uncheck()
    expect(site.locator("#left-out-open_job")).to_have_text("would leave out nobody")
    site.get_by_label("commercial").uncheck()
    expect(site.locator("#r-0-effect")).to_be_empty()
    site.get_by_label("commercial").check()
    expect(site.locator("#audience-sample")).to_contain_text("Ann Doe")
    site.get_by_role("button", name="Rule", exact=True).click()
    site.get_by_label("What this rule asks").nth(1).select_option("last_job")
    days = site.get_by_label("Last job: how many")
    expect(days).to_have_attribute("aria-invalid", "true")
    expect(asked.first).not_to_have_attribute("aria-invalid", "true")
    days.fill("30")
    expect(count).to_have_text("0")
    expect(site.locator("#r-1-error")).to_be_empty()
    expect(days).not_to_have_attribute("aria-invalid", "true")
    site.get_by_role("button", name="Remove rule 2", exact=True).click()
    expect(count).to_have_text("1")
    expect(site.get_by_label("How the rules of this group are joined")).to_be_focused()
    site.get_by_label("Name").press("Enter")
    row = site.get_by_role("row", name="Companies")
    expect(row).to_contain_text("Kind of customer: commercial")
    expect(row.get_by_role("cell").last).to_have_text("1")  # counted once it is in sight


def test_search_narrows_the_list_while_typing(site: Page, live_server: Any) -> None:
    site.goto(f"{live_server.url}/contacts/")
    expect(site.get_by_role("status").filter(has_text="contacts")).to_have_text("2 contacts")
    site.get_by_label("Name, phone, address, email or job number").press_sequentially("bob")
    expect(site.get_by_role("row", name="Bob Roe")).to_be_visible()
    expect(site.get_by_role("row", name="Ann Doe")).to_have_count(0)
    site.get_by_role("link", name="Bob Roe").click()
    expect(site.get_by_role("heading", name="Bob Roe")).to_be_visible()
