"""The first run in a real browser: steps fill by themselves, and what somebody types stays."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from audiences import consent
from common import clock
from conversations.models import Message
from tests import factories
from tests.accounts import making
from tests.campaigns.browsing import looking

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(live_server: Any) -> Account:
    account = making.make_account("Comfort Air")
    factories.make_number(account, label="Main line")
    return account


@pytest.fixture
def site(page: Page, live_server: Any, account: Account) -> Iterator[Page]:
    """An admin's browser on the first run; anything on its console fails the test."""
    by = factories.make_user(account, name="Ann Reed")
    with looking(page, f"{live_server.url}/settings/first-run/", by) as site:
        yield site


def test_steps_fill_while_somebody_types(site: Page, account: Account) -> None:
    steps = site.get_by_role("listitem").filter(has=site.get_by_role("heading", level=2))
    expect(steps).to_have_count(6)
    phone = site.get_by_label("Your phone")
    phone.press_sequentially("312 555")
    expect(steps.nth(2)).to_contain_text("To do")
    consent.declare(account, "existing", name="Ann Reed", by=None, now=clock.now())
    expect(steps.nth(2)).to_contain_text("Existing customers, declared by Ann Reed")
    expect(phone).to_be_focused()
    expect(phone).to_have_value("312 555")
    phone.press_sequentially(" 0139")
    phone.press("Enter")
    expect(steps.nth(4)).to_contain_text("Waiting to leave")
    Message.objects.update(state=Message.State.DELIVERED, body="Hi")
    expect(steps.nth(4)).to_contain_text("A test text has arrived")
    expect(site.get_by_role("progressbar", name="Steps done")).to_have_attribute("value", "3")


def test_a_declaration_by_keyboard_alone(site: Page) -> None:
    site.get_by_role("link", name="Consent basis", exact=True).last.focus()
    site.keyboard.press("Enter")
    site.get_by_label("Existing customers").focus()
    for key in ("Space", "ArrowDown", "Tab"):
        site.keyboard.press(key)
    expect(site.get_by_label("Your full name")).to_be_focused()
    site.keyboard.press("Enter")
    expect(site.get_by_role("status").filter(has_text="The consent basis is declared")).to_be_visible()
    expect(site.get_by_role("heading", name="Written consent")).to_be_visible()
