"""A campaign is launched, undone, steered and stopped by keyboard alone: Tab leads there, Enter does it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Locator, Page, expect

from accounts.models import Account
from campaigns import drafts
from campaigns.models import Campaign, LaunchDraft
from common import clock
from tests import factories
from tests.browser.conftest import STILL
from tests.campaigns.browsing import launching_company, looking
from tests.campaigns.test_pages_campaigns import launched

pytestmark = pytest.mark.django_db(transaction=True)
MOST_TABS = 80
EXPECTED = r"status of (401|403|404|409|422)|ERR_FAILED|Failed to fetch"
"""What a browser notes about refusals, about a campaign that is gone and about no answer at all."""


@pytest.fixture
def account(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(drafts, "TYPED_ABOVE", 2)
    return launching_company("Main line", "Spare line")


@pytest.fixture
def site(page: Page, live_server: Any, account: Account) -> Iterator[Page]:
    """A CSR's browser on the list; anything on its console but refusals fails the test."""
    by = factories.make_user(account, "csr")
    with looking(page, f"{live_server.url}/campaigns/", by, expected=EXPECTED) as site:
        yield site


def go_to(site: Page, target: Locator, *, back: bool = False) -> None:
    """Press Tab until the focus is there; nothing but the keyboard moves it."""
    expect(target).to_have_count(1)
    for _ in range(MOST_TABS):
        if target.evaluate("one => one === document.activeElement"):
            return
        site.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"Tab does not get to {target}")


def press(site: Page, *keys: str) -> None:
    for key in keys:
        site.keyboard.press(key)


def stage(site: Page, words: str) -> None:
    """A new stage begins with the focus on its heading."""
    expect(site.get_by_role("heading", name=words)).to_be_focused()


def go_on(site: Page) -> None:
    go_to(site, site.locator("#modal .launch__foot .button--primary"))
    press(site, "Enter")


def test_a_launch_with_all_its_stages_by_keyboard_alone(site: Page, account: Account) -> None:
    go_to(site, site.get_by_role("link", name="New campaign"))
    press(site, "Enter")
    stage(site, "What do you want to send?")
    go_on(site)
    expect(site.locator("#error-summary")).to_be_focused()
    press(site, "Tab", "Enter")  # the first mistake leads to its field
    expect(site.get_by_label("Campaign name")).to_be_focused()
    site.keyboard.type("Spring tune-ups")
    go_to(site, site.get_by_label("Workflow", exact=True))
    site.keyboard.type("Tune")
    go_on(site)

    stage(site, "Who should get it?")
    go_to(site, site.get_by_label("Audience", exact=True))
    site.keyboard.type("Every")
    expect(site.locator("#launch-summary")).to_contain_text("3 contacts would get it")
    go_to(site, site.get_by_role("button", name="Kind of customer"))
    press(site, "Enter")
    expect(site.get_by_label("What this rule asks")).to_be_focused()
    go_to(site, site.locator(".rule-choices input").first)
    press(site, "Space")
    expect(site.locator("#launch-summary")).to_contain_text("3 contacts would get it")
    go_on(site)

    stage(site, "Which number sends it?")
    go_on(site)
    expect(site.locator("#error-summary")).to_be_focused()
    press(site, "Tab", "Enter")  # a mistake among boxes leads to the first of them
    expect(site.get_by_label("Main line")).to_be_focused()
    press(site, "Space")
    expect(site.get_by_label("Main line")).to_be_checked()
    go_on(site)

    stage(site, "When does it start?")
    go_to(site, site.locator("[name=start]:checked"))
    press(site, "ArrowDown")
    expect(site.get_by_label("At a time of my choosing")).to_be_checked()
    go_to(site, site.get_by_label("Start at"))
    day = clock.now().astimezone(account.zone).date() + timedelta(days=2)
    site.keyboard.type(f"{day:%m%d%Y}")
    press(site, "Tab")
    site.keyboard.type("1000AM")
    expect(site.get_by_label("Start at")).to_have_value(f"{day}T10:00")
    go_to(site, site.locator("#launch-terms > summary"))
    press(site, "Enter")
    go_to(site, site.locator("[name=first]:checked"))
    press(site, "ArrowDown", "ArrowDown")
    go_to(site, site.get_by_label("How many", exact=True))
    site.keyboard.type("10")
    expect(site.locator("#launch-summary")).to_contain_text("10 customers; the others 30 minutes after them")
    go_on(site)

    stage(site, "Check it, then send")
    go_to(site, site.get_by_label("Type 3 to confirm"))
    site.keyboard.type("4")
    press(site, "Enter")
    expect(site.locator("#modal [role=alert]")).to_be_focused()
    assert not Campaign.objects.exists()
    go_to(site, site.get_by_label("Type 3 to confirm"))
    press(site, "Control+a")
    site.keyboard.type("3")
    go_to(site, site.get_by_role("button", name="Schedule for 3 contacts"))
    press(site, "Enter")
    expect(site).to_have_url(re.compile(r"/campaigns/\d+/$"))
    campaign = Campaign.objects.get()
    assert (campaign.name, campaign.canary_people, campaign.status) == ("Spring tune-ups", 10, "scheduled")
    assert not LaunchDraft.objects.exists()

    go_to(site, site.get_by_role("button", name="Undo launch"))
    press(site, "Enter")
    expect(site).to_have_url(re.compile(r"/campaigns/new/$"))
    expect(site.get_by_text("It is your draft again.")).to_be_visible()
    assert not Campaign.objects.exists() and LaunchDraft.objects.get().name == "Spring tune-ups"


def test_what_runs_is_steered_and_stopped_by_keyboard_alone(
    site: Page, account: Account, live_server: Any
) -> None:
    campaign = launched(account)
    site.goto(f"{live_server.url}/campaigns/{campaign.pk}/?tab=settings")
    go_to(site, site.get_by_role("link", name="Change pace"))
    press(site, "Enter")
    go_to(site, site.get_by_label("Most texts an hour"))
    site.keyboard.type("0")
    press(site, "Enter")
    expect(site.locator("#error-summary")).to_be_focused()
    press(site, "Tab", "Enter", "Control+a")
    site.keyboard.type("120")
    press(site, "Enter")
    expect(site.locator("#modal")).to_be_hidden()
    expect(site.locator("#live")).to_contain_text("At most 120 texts an hour")
    expect(site.get_by_role("link", name="Change pace")).to_be_focused()

    site.goto(f"{live_server.url}/campaigns/")
    more = site.get_by_label("More for Spring tune-ups")
    go_to(site, more)
    press(site, "Enter")
    go_to(site, site.get_by_role("button", name="Pause", exact=True))
    press(site, "Enter")
    expect(site.locator(f"#campaign-{campaign.pk}")).to_contain_text("Paused")
    go_to(site, more)
    press(site, "Enter")
    go_to(site, site.get_by_role("link", name="Stop …"))
    press(site, "Enter")
    expect(site.get_by_role("button", name="Keep it paused")).to_be_focused()
    go_to(site, site.locator("#modal").get_by_role("button", name="Stop campaign"))
    press(site, "Enter")
    expect(site.locator(f"#campaign-{campaign.pk}")).to_contain_text("Completed, stopped")


def test_two_windows_launch_once_and_undo_once(site: Page, account: Account, live_server: Any) -> None:
    fill_draft(account)
    site.goto(f"{live_server.url}/campaigns/new/review/")
    other = site.context.new_page()
    other.add_init_script(STILL)
    other.goto(f"{live_server.url}/campaigns/new/review/")
    for window in (site, other):
        window.get_by_label("Type 3 to confirm").fill("3")
        window.get_by_role("button", name="Send to 3 contacts").click()
        expect(window).to_have_url(re.compile(r"/campaigns/\d+/$"))
    assert Campaign.objects.count() == 1
    for window in (site, other):
        expect(window.get_by_role("button", name="Undo launch")).to_be_visible()
    site.get_by_role("button", name="Undo launch").click()
    expect(site).to_have_url(re.compile(r"/campaigns/new/$"))
    # The other window has not refreshed itself yet, and is told.
    other.get_by_role("button", name="Undo launch").click()
    expect(other.locator(".toast")).to_contain_text("what it named is gone")
    assert not Campaign.objects.exists() and LaunchDraft.objects.get().name == "Two windows"


def test_who_signed_out_elsewhere_signs_in_and_finds_the_draft(
    site: Page, account: Account, live_server: Any
) -> None:
    fill_draft(account)
    site.get_by_role("link", name="New campaign").click()
    expect(site.locator("#modal")).to_be_visible()
    site.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    site.locator("#modal .launch__foot .button--primary").click()
    expect(site).to_have_url(re.compile(r"/login/\?next="))
    assert not Campaign.objects.exists()


def test_whoever_gets_no_answer_is_told(site: Page, account: Account, live_server: Any) -> None:
    campaign = launched(account)
    site.goto(f"{live_server.url}/campaigns/{campaign.pk}/")
    site.route("**/pause/", lambda route: route.abort())
    site.get_by_role("button", name="Pause campaign").click()
    expect(site.locator(".toast")).to_contain_text("Nobody answered")
    campaign.refresh_from_db()
    assert campaign.status == "active"


def fill_draft(account: Account) -> LaunchDraft:
    """The CSR's draft, ready to be reviewed."""
    workflow, audience = account.workflows.get(), account.audiences.get()
    fields = {
        "name": "Two windows", "workflow": str(workflow.versions.get().pk), "audience": str(audience.pk),
        "number": str(account.sending_numbers.earliest("pk").pk), "start": "now",
    }  # fmt: skip
    user = account.memberships.get().user
    return LaunchDraft.objects.create(account=account, user=user, fields=fields, stage="review")


def test_what_is_wrong_is_looked_at_again_where_it_is_changed(site: Page, account: Account) -> None:
    """The field says so by what it is, readers hear it, and the focus stays where somebody types."""
    go_to(site, site.get_by_role("link", name="New campaign"))
    press(site, "Enter")
    name, workflow = site.get_by_label("Campaign name"), site.get_by_label("Workflow", exact=True)
    go_on(site)
    expect(site.locator("#error-summary")).to_be_focused()
    for field in (name, workflow):
        expect(field).to_have_attribute("aria-invalid", "true")
    go_to(site, name)
    site.keyboard.type("Spring tune-ups")
    press(site, "Tab")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    expect(name).to_have_value("Spring tune-ups")
    expect(site.locator("#id_name_error")).to_have_count(0)
    expect(workflow).to_be_focused()
    expect(workflow).to_have_attribute("aria-invalid", "true")
    expect(site.locator("#launch-rechecked")).to_contain_text("Campaign name: done. Workflow: Choose what is")
    expect(site.locator("#error-summary li")).to_have_text(
        ["Campaign name: done", "Workflow: Choose what is sent."]
    )
    press(site, "ArrowDown")
    expect(site.locator("#error-summary")).to_contain_text("Nothing is missing any more")
    expect(workflow).to_be_focused()
    expect(workflow).not_to_have_value("")
    go_to(site, name, back=True)
    press(site, "Control+a", "Delete", "Tab")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_attribute("aria-describedby", "id_name_error")
    expect(site.locator("#id_name_error")).to_have_text("Give the campaign a name.")
    go_to(site, name, back=True)
    site.keyboard.type("Autumn")
    go_on(site)  # at once: what is looked at again has no place any more
    stage(site, "Who should get it?")
