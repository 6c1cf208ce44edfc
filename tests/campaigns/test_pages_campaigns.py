"""The list of campaigns, its verbs, and the pages of workflows."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from campaigns import enrolling, launching
from campaigns.launching import Draft
from campaigns.models import Campaign, Playbook
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
LIST = reverse("campaigns:list")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def csr(account: Account) -> Client:
    return signed_in(factories.make_user(account, "csr"))


def launched(account: Account, name: str = "Spring tune-ups", playbook: Playbook | None = None) -> Campaign:
    """A campaign with two admitted customers and one excluded for sharing a phone."""
    if not account.contacts.exists():
        for phone in ("+13125550101", "+13125550102", "+13125550102"):
            factories.make_contact(account, phone)
    number = account.sending_numbers.first() or factories.make_number(account)
    draft = Draft(
        name, factories.make_workflow(account), factories.make_audience(account), number, {}, playbook
    )
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    return campaign


def test_list_shows_what_was_launched(account: Account, csr: Client) -> None:
    campaign = launched(account, playbook=Playbook.objects.create(account=account, name="Seasonal"))
    page = csr.get(LIST).content.decode()
    assert "Spring tune-ups" in page and "Seasonal" in page and "Active" in page
    assert '<data value="2">2</data>' in page
    assert reverse("analytics:campaign", args=[campaign.pk]) in page


def test_list_is_narrowed_by_status_name_and_playbook(account: Account, csr: Client) -> None:
    playbook = Playbook.objects.create(account=account, name="Seasonal")
    launched(account, "Spring tune-ups", playbook)
    paused = launched(account, "Water heaters")
    Campaign.objects.filter(pk=paused.pk).update(status="paused")
    for query, shown, hidden in [
        ("status=paused", "Water heaters", "Spring tune-ups"),
        ("q=SPRING", "Spring tune-ups", "Water heaters"),
        (f"playbook={playbook.pk}", "Spring tune-ups", "Water heaters"),
    ]:
        page = csr.get(f"{LIST}?{query}").content.decode()
        assert shown in page and hidden not in page, query
    assert "Water heaters" in csr.get(f"{LIST}?status=nonsense").content.decode()


def test_list_says_whether_there_is_nothing_or_no_match(account: Account, csr: Client) -> None:
    assert "No campaigns yet" in csr.get(LIST).content.decode()
    launched(account)
    page = csr.get(f"{LIST}?q=zzz").content.decode()
    assert "No campaign matches this" in page and "No campaigns yet" not in page


def test_list_for_htmx_is_the_region(account: Account, csr: Client) -> None:
    launched(account)
    answer = csr.get(LIST, headers=HTMX)
    page = answer.content.decode()
    assert page.strip().startswith('<section class="stack" id="campaigns"') and "<html" not in page
    assert "HX-Request" in answer["Vary"]


def test_only_those_who_may_launch_see_the_button(account: Account, csr: Client) -> None:
    agent = signed_in(factories.make_user(account, "agent"))
    assert reverse("campaigns:launch") in csr.get(LIST).content.decode()
    assert reverse("campaigns:launch") not in agent.get(LIST).content.decode()


def test_pause_resume_and_stop_say_what_was_not_sent(account: Account, csr: Client) -> None:
    campaign = launched(account)
    for verb, status, words in [
        ("pause", "paused", "is paused. No text was sent. 2 customers keep their place."),
        ("resume", "active", "goes on."),
        ("stop", "completed", "is stopped. No text was sent. 2 customers get nothing more."),
    ]:
        answer = csr.post(reverse(f"campaigns:{verb}", args=[campaign.pk]), follow=True)
        campaign.refresh_from_db()
        assert campaign.status == status and words in answer.content.decode(), verb
    assert campaign.stopped_at is not None


def test_a_verb_that_does_not_fit_changes_nothing(account: Account, csr: Client) -> None:
    campaign = launched(account)
    answer = csr.post(reverse("campaigns:resume", args=[campaign.pk]), follow=True)
    assert "there is nothing to resume" in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.status == "active"


@pytest.mark.parametrize("verb", ["pause", "resume", "stop"])
def test_verbs_are_for_those_who_may_and_for_post(account: Account, csr: Client, verb: str) -> None:
    campaign = launched(account)
    url = reverse(f"campaigns:{verb}", args=[campaign.pk])
    stranger = signed_in(factories.make_user(factories.make_account(), "admin"))
    assert signed_in(factories.make_user(account, "agent")).post(url).status_code == 403
    assert stranger.post(url).status_code == 404 and csr.get(url).status_code == 405
    campaign.refresh_from_db()
    assert campaign.status == "active"


def test_workflows_are_listed_with_their_versions(account: Account, csr: Client) -> None:
    version = factories.make_workflow(account, name="Tune-up season")
    factories.make_workflow(account, workflow=version.workflow, publish=False)
    page = csr.get(reverse("campaigns:workflows")).content.decode()
    assert "Tune-up season" in page and "Version 2" in page and "Draft" in page and "Published" in page


def test_a_version_shows_its_steps_texts_and_ways_out(account: Account, csr: Client) -> None:
    version = factories.make_workflow(account)
    page = csr.get(reverse("campaigns:workflow_version", args=[version.pk])).content.decode()
    for words in (
        "Hi {{ first_name }}",
        "Wait for a reply",
        "1 hour",
        "Book a job",
        "on booking yes",
        "Text",
    ):
        assert words in page, words
    assert 'href="#step-booking"' in page and "The passage ends here" in page
