"""Second thoughts in a real browser: a removal undone, those beyond the limit let in, a draft replaced."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from campaigns import audience_looks, enrolling, undoing
from campaigns.models import Campaign, Enrollment, Intake, LaunchDraft, LaunchRules
from campaigns.terms import Terms
from common import clock
from tests import factories
from tests.browser import axe
from tests.campaigns.browsing import launching_company, looking
from tests.campaigns.launched import launch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(live_server: Any) -> Account:
    return launching_company(people=2)


def running(account: Account, **chosen: Any) -> Campaign:
    """A campaign with everybody in it, launched by a CSR."""
    by = factories.make_user(account, "csr", name="Imani Bright")
    campaign = launch(account, by=by, **chosen)
    enrolling.enroll(campaign, now=clock.now())
    return campaign


def test_a_removal_is_undone_where_it_was_made(page: Page, live_server: Any, account: Account) -> None:
    campaign = running(account)
    one = Enrollment.objects.earliest("pk")
    url = f"{live_server.url}/campaigns/{campaign.pk}/records/{one.pk}/"
    with looking(page, url, factories.make_user(account, "csr")) as site:
        site.get_by_role("link", name="Remove from campaign").press("Enter")
        asked = site.locator("#modal")
        expect(asked).to_contain_text("Nothing was sent to them.")
        asked.get_by_role("button", name="Remove").press("Enter")
        expect(asked.get_by_role("heading")).to_contain_text("is removed")
        one.refresh_from_db()
        assert one.state == "ended" and not axe.by_day_and_night(site)
        expect(site.locator("#removal-undo")).to_contain_text("They were removed a moment ago")
        expect(site.locator("#passage-page").get_by_text("Remove from campaign")).to_have_count(0)
        asked.get_by_role("button", name="Undo").press("Enter")
        expect(asked).to_be_hidden()
        expect(site.locator(".toast")).to_contain_text("back where they stood")
        one.refresh_from_db()
        assert one.state == "active"
        expect(site.get_by_role("link", name="Remove from campaign")).to_be_visible()


def test_a_second_person_lets_in_who_is_one_too_many(page: Page, live_server: Any, account: Account) -> None:
    LaunchRules.objects.create(account=account, approval_above=2)
    campaign = running(account, terms=Terms(joins_until=clock.now() + timedelta(days=9)))
    factories.make_contacts(account, ["+17735550101", "+17735550102"])
    later = clock.now() + timedelta(minutes=6)
    for look in audience_looks.due(now=later):
        audience_looks.go_on_with(look, now=later, go_on=lambda: True)
    assert Intake.objects.get().held == 2
    url = f"{live_server.url}/campaigns/{campaign.pk}/"
    with looking(page, url, factories.make_user(account, "marketer")) as site:
        site.get_by_role("button", name="Let them in").press("Enter")
        asked = site.get_by_role("dialog")
        expect(asked).to_contain_text("Let 2 more customers enter Tune-up?")
        assert Intake.objects.get().held == 2, "not before they said so"
        asked.get_by_role("button", name="Let them in").press("Enter")
        expect(site.get_by_text("2 customers more may enter now.")).to_be_visible()
        expect(site.locator("#above-limit")).to_have_count(0)
        enrolling.enroll(campaign, now=later)
        assert Enrollment.objects.count() == 4


def test_a_draft_takes_the_place_of_another_only_when_asked(
    page: Page, live_server: Any, account: Account
) -> None:
    by = factories.make_user(account, "csr")
    campaign = launch(account, by=by, hold=timedelta(minutes=1), typed={"name": "Tune-up"})
    LaunchDraft.objects.create(account=account, user=by, fields={"name": "Another one"})
    undoing.undo(campaign, by=by, now=clock.now())
    with looking(page, f"{live_server.url}/campaigns/{campaign.pk}/", by) as site:
        site.get_by_role("button", name="Make it a draft").press("Enter")
        expect(site.get_by_text("You have begun another draft, “Another one”.")).to_be_visible()
        assert LaunchDraft.objects.get().name == "Another one" and not axe.by_day_and_night(site)
        site.get_by_role("button", name="Replace my draft").press("Enter")
        expect(site.get_by_text("Tune-up is your draft again. It was never launched.")).to_be_visible()
        expect(site.get_by_label("Campaign name")).to_have_value("Tune-up")
    assert LaunchDraft.objects.get().name == "Tune-up" and not Campaign.objects.exists()
