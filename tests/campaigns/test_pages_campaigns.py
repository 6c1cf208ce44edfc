"""The list of campaigns, its verbs, and the pages of workflows."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from campaigns import enrolling, launching
from campaigns.launching import Draft
from campaigns.models import Campaign, Playbook, Step
from campaigns.standing import Standing
from campaigns.words import EDGES, condition, edge
from common import clock
from conversations import reading
from conversations.models import Message
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launched import launch

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


def accepted(campaign: Campaign, **fields: Any) -> Message:
    """The first customer's text, accepted by the carrier."""
    step = Step.objects.filter(campaign=campaign).order_by("pk")[0]
    enrollment = step.enrollment
    now = clock.now()
    return Message.objects.create(
        account=campaign.account, lane=campaign.lane, contact=enrollment.contact, address=enrollment.address,
        number=campaign.number, kind=Message.Kind.CAMPAIGN, origin=f"step:{step.pk}",
        body="Hi", state=Message.State.ACCEPTED, accepted_at=now, **fields,
    )  # fmt: skip


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


def test_list_for_htmx_is_the_region_and_304_while_nothing_changed(account: Account, csr: Client) -> None:
    campaign = launched(account)
    answer = csr.get(LIST, headers=HTMX)
    page = answer.content.decode()
    assert page.strip().startswith("<section") and 'id="campaigns"' in page and "<html" not in page
    assert "HX-Request" in answer["Vary"]
    seen = {**HTMX, "HX-PTag": answer["HX-PTag"]}
    assert csr.get(LIST, headers=seen).status_code == 304
    Campaign.objects.filter(pk=campaign.pk).update(status="paused")
    assert csr.get(LIST, headers=seen).status_code == 200


def test_list_shows_figures_from_the_counters_that_open_their_rows(account: Account, csr: Client) -> None:
    campaign = launched(account)
    accepted(campaign, replied_at=clock.now())
    page = csr.get(LIST).content.decode()
    rows = reverse("analytics:campaign_rows", args=[campaign.pk])
    for column, value in [("audience", 2), ("replies", 1), ("booked", 0)]:
        assert f'{rows}?column={column}"><data value="{value}">' in page, column
    assert "0 of 2" in page, "progress: ended of begun"


def test_list_is_sorted_by_the_heads_of_its_columns(account: Account, csr: Client) -> None:
    launched(account, "B of two")
    factories.make_contact(account, "+13125550103")
    launched(account, "A of three")
    launched(account, "C of three")
    for sort, names in [
        ("", "CAB"), ("name", "ABC"), ("-name", "CBA"), ("launched", "BAC"), ("audience", "BCA"),
        ("-audience", "CAB"), ("nonsense", "CAB"),
    ]:  # fmt: skip
        page = csr.get(f"{LIST}?sort={sort}").content.decode()
        found = re.findall(r">([ABC]) of (?:two|three)</a>", page)
        assert "".join(found) == names, sort
    page = csr.get(f"{LIST}?sort=-audience&q=of").content.decode()
    assert 'aria-sort="descending"' in page and "sort=audience" in page and "q=of" in page


def test_chips_count_what_the_other_filters_leave(account: Account, csr: Client) -> None:
    launched(account, "Spring")
    Campaign.objects.filter(pk=launched(account, "Fall").pk).update(status="paused")
    page = csr.get(f"{LIST}?q=fall").content.decode()
    assert re.findall(r"(\w+) <data class=\"chip__count\" value=\"(\d+)\"", page) == [
        ("All", "1"), ("Created", "0"), ("Scheduled", "0"), ("Active", "0"), ("Paused", "1"),
        ("Completed", "0"),
    ]  # fmt: skip


def test_only_those_who_may_launch_see_the_button(account: Account, csr: Client) -> None:
    agent = signed_in(factories.make_user(account, "agent"))
    assert reverse("campaigns:launch") in csr.get(LIST).content.decode()
    assert reverse("campaigns:launch") not in agent.get(LIST).content.decode()


def test_pause_resume_and_stop_say_what_was_not_sent(account: Account, csr: Client) -> None:
    campaign = launched(account)
    for verb, status, words in [
        (
            "pause",
            "paused",
            "is paused. No text was sent. 2 customers keep their place, 2 of them not texted",
        ),
        ("resume", "active", "goes on. No text was sent. 2 customers go on from where they stood"),
        (
            "stop",
            "completed",
            "is stopped. No text was sent. 2 customers get nothing more, 2 of them",
        ),
    ]:
        answer = csr.post(reverse(f"campaigns:{verb}", args=[campaign.pk]), follow=True)
        campaign.refresh_from_db()
        assert campaign.status == status and words in answer.content.decode(), verb
    assert campaign.stopped_at is not None


def test_what_was_sent_is_told_apart_from_what_was_not(account: Account, csr: Client) -> None:
    campaign = launched(account)
    accepted(campaign)
    page = csr.get(reverse("campaigns:stop", args=[campaign.pk]), headers=HTMX).content.decode()
    assert "1 text sent stays sent." in page and "2 customers</strong> still on the way" in page
    assert "1 of them not texted yet" in page and "<html" not in page
    answer = csr.post(reverse("campaigns:stop", args=[campaign.pk]), follow=True).content.decode()
    assert "1 text sent stays sent. 2 customers get nothing more, 1 of them not texted yet." in answer


def test_within_the_minute_nobody_is_in_it_and_stopping_says_what_undoing_would(
    account: Account, csr: Client
) -> None:
    factories.make_contact(account)
    campaign = launch(account, hold=launching.UNDO)
    assert "nobody yet" in csr.get(LIST).text
    said = csr.post(reverse("campaigns:pause", args=[campaign.pk]), follow=True).text
    assert "is paused. No text was sent. Nobody is on their way in it." in said and "Undo launch" in said
    asked = csr.get(reverse("campaigns:stop", args=[campaign.pk])).text
    assert "undo the launch" in asked and "nobody enters any more" in asked
    assert "Nobody is on their way in it yet" in csr.get(reverse("campaigns:resume", args=[campaign.pk])).text


@pytest.mark.parametrize(
    ("standing", "sent", "running"),
    [
        (Standing(0, 0, 0, 0), "No text was sent.", "Nobody is on their way in it."),
        (Standing(0, 3, 1, 1), "3 emails sent stay sent.", "1 customer goes on, not texted yet."),
        (Standing(1, 0, 1, 0), "1 text sent stays sent.", "1 customer goes on."),
        (
            Standing(1, 1, 1200, 7),
            "1 text and 1 email sent stay sent.",
            "1,200 customers go on, 7 of them not",
        ),
    ],
)
def test_one_is_told_from_many(standing: Standing, sent: str, running: str) -> None:
    assert standing.sent_words == sent and standing.running_words("goes on", "go on").startswith(running)


def test_the_reason_of_a_stop_is_kept(account: Account, csr: Client) -> None:
    campaign = launched(account)
    csr.post(reverse("campaigns:stop", args=[campaign.pk]), {"reason": " Wrong  price\0in the text "})
    entry = AuditEntry.objects.get(verb="stopped", object_id=str(campaign.pk))
    assert entry.detail["reason"] == "Wrong price in the text"
    assert entry.summary == "Stopped Spring tune-ups: Wrong price in the text"


def test_questions_are_pages_too_and_say_when_there_is_nothing_to_ask(account: Account, csr: Client) -> None:
    campaign = launched(account)
    page = csr.get(reverse("campaigns:stop", args=[campaign.pk])).content.decode()
    assert "<html" in page and "Stop campaign" in page and "Keep it running" in page
    assert "hx-post" not in page.split('id="question"')[1].split("</form>")[0], "it leads to the campaign"
    page = csr.get(reverse("campaigns:resume", args=[campaign.pk])).content.decode()
    assert "there is nothing to resume" in page and "Resume campaign</button>" not in page


def test_a_verb_for_htmx_refreshes_the_page_and_closes_the_modal(account: Account, csr: Client) -> None:
    campaign = launched(account)
    answer = csr.post(reverse("campaigns:pause", args=[campaign.pk]), headers=HTMX)
    happened = json.loads(answer["HX-Trigger"])
    assert answer.status_code == 204 and list(happened) == ["refresh", "close-modal", "toast"]
    assert "is paused" in happened["toast"]["messages"][0]["text"]


def test_a_verb_that_does_not_fit_changes_nothing(account: Account, csr: Client) -> None:
    campaign = launched(account)
    answer = csr.post(reverse("campaigns:resume", args=[campaign.pk]), follow=True)
    words = "Spring tune-ups: nothing was changed. This campaign is active; there is nothing to resume."
    assert words in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.status == "active"


@pytest.mark.parametrize("verb", ["pause", "resume", "stop"])
def test_verbs_are_for_those_who_may_and_for_post(account: Account, csr: Client, verb: str) -> None:
    campaign = launched(account)
    url = reverse(f"campaigns:{verb}", args=[campaign.pk])
    stranger = signed_in(factories.make_user(factories.make_account(), "admin"))
    assert signed_in(factories.make_user(account, "agent")).post(url).status_code == 403
    assert stranger.post(url).status_code == 404
    assert csr.get(url).status_code == (405 if verb == "pause" else 200)
    campaign.refresh_from_db()
    assert campaign.status == "active"


def test_workflows_are_listed_with_their_versions(account: Account, csr: Client) -> None:
    version = factories.make_workflow(account, name="Tune-up season")
    factories.make_workflow(account, workflow=version.workflow, publish=False)
    page = csr.get(reverse("campaigns:workflows")).content.decode()
    assert "Tune-up season" in page and "Version 2" in page and "Draft" in page and "Published" in page


@pytest.mark.parametrize("label", [*reading.LABELS, "reply", "no_reply", "next"])
def test_every_way_out_that_people_do_not_name_has_words(label: str) -> None:
    assert edge(label) == EDGES[label]


@pytest.mark.parametrize(
    ("field", "operator", "value", "told"),
    [
        ("replied", "is", True, "has replied"),
        ("replied", "is", False, "has not replied"),
        ("replied", "is_not", "true", "has not replied"),
        ("tag", "has", "Gold_2", "has the tag “Gold_2”"),
        ("tag", "has_not", "Gold", "does not have the tag “Gold”"),
        ("years_since_last_job", "at_least", 2, "years since last job at least 2"),
        ("kind", "is_not", "residential", "kind is not residential"),
    ],
)
def test_a_condition_is_told_in_english(field: str, operator: str, value: object, told: str) -> None:
    assert condition({"field": field, "operator": operator, "value": value}) == told


def test_a_version_shows_its_steps_texts_and_ways_out(account: Account, csr: Client) -> None:
    version = factories.make_workflow(account)
    page = csr.get(reverse("campaigns:workflow_version", args=[version.pk])).content.decode()
    for words in (
        "Hi {{ first_name }}",
        "Wait for a reply",
        "1 hour",
        "Book a job",
        "says yes to booking",
        "Text",
    ):
        assert words in page, words
    assert 'href="#step-booking"' in page and "The passage ends here" in page
