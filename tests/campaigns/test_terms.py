"""The terms of a campaign: typed at launch, said in the review, kept by the campaign and by its copies."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import AuditEntry
from campaigns import cloning, lifecycle, terms
from campaigns.models import Campaign
from campaigns.terms import Terms
from campaigns.terms_form import TermsForm
from common import clock
from conversations.models import Lane
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launch_form import MODAL, URL, Ready

pytestmark = pytest.mark.django_db
CHOSEN: dict[str, Any] = {
    "texts_per_hour": "600", "send_by_hours": "48", "exits": ["replied", "left_audience"], "joining": "until",
    "again_days": "30",
}  # fmt: skip


def launched(ready: Ready, **chosen: Any) -> Campaign:
    ready.fill(**chosen)
    answer = ready.post("review")
    assert answer.status_code == 302, answer.content.decode()
    return Campaign.objects.select_related("lane", "account").latest("pk")


def in_a_month() -> str:
    return f"{clock.now() + timedelta(days=30):%Y-%m-%d}"


def settings_of(ready: Ready, campaign: Campaign) -> str:
    page = reverse("analytics:campaign", args=[campaign.pk])
    return ready.client.get(f"{page}?tab=settings").content.decode()


def test_who_chooses_nothing_gets_the_usual_terms(ready: Ready) -> None:
    campaign = launched(ready, exits=["booked"])
    assert terms.of(campaign) == Terms()
    assert (campaign.send_by_hours, campaign.leaves_booked, campaign.again) == (72, True, "never")
    page = settings_of(ready, campaign)
    for words in (
        "As fast as the number sends",
        "What could not leave within 72 hours is skipped",
        "Whoever opts out or has a new job",
        "Nobody: the audience is who matches at launch",
    ):
        assert words in page


def test_everything_chosen_is_reviewed_kept_and_copied(ready: Ready) -> None:
    words = (
        "At most 600 texts an hour, one every 6 seconds",
        "What could not leave within 48 hours is skipped",
        "Whoever opts out, replies or no longer matches the audience",
        "the campaign stays active that long",
        "Once 30 days have passed since the last time ended",
    )
    review = ready.fill(**CHOSEN, joins_until=in_a_month())
    assert [each for each in words if each not in review] == []
    ready.post("review")
    campaign = Campaign.objects.select_related("lane", "account").get()
    assert campaign.lane is not None and campaign.lane.texts_per_hour == 600
    kept = terms.of(campaign)
    assert (kept.send_by_hours, kept.exits) == (48, ("replied", "left_audience"))
    assert (kept.again, kept.again_days) == ("after_days", 30)
    assert kept.joins_until is not None and kept.joins_until > clock.now() + timedelta(days=29)
    page = settings_of(ready, campaign)
    assert [each for each in words if each not in page] == []
    copied = cloning.of(campaign).fields
    assert {name: copied[name] for name in CHOSEN} == CHOSEN
    form = ready.client.get(f"{URL}?from={campaign.pk}", headers=MODAL)
    assert form.status_code == 200 and ready.draft.fields["texts_per_hour"] == "600"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"texts_per_hour": "0"}, "Choose at least 1"),
        ({"texts_per_hour": "many"}, "Type a whole number"),
        ({"send_by_hours": "721"}, "Choose at most 720"),
        ({"joining": "until"}, "Choose the last day to join"),
        ({"joining": "until", "joins_until": "2001-01-01"}, "This day is over before the campaign starts"),
        ({"joining": "until", "joins_until": "9999-12-31"}, "This lies more than two years ahead"),
        ({"joining": "until", "joins_until": "2027-01-01", "again_days": "0"}, "Choose at least 1"),
    ],
)
def test_what_cannot_be_is_said(ready: Ready, wrong: dict[str, str], words: str) -> None:
    ready.fill("time")
    answer = ready.post("time", headers=MODAL, **wrong)
    page = answer.content.decode()
    assert answer.status_code == 422 and words in page
    assert '<details class="launch__filter" id="launch-terms" open>' in page, "the mistake is to be seen"
    assert ready.client.get(URL, headers=MODAL).status_code == 200, "the draft keeps it, and opens again"


def test_what_is_not_asked_for_is_no_mistake(ready: Ready) -> None:
    campaign = launched(ready, joining="nobody", joins_until="nonsense", again_days="-3", exits=[])
    assert terms.of(campaign) == Terms(exits=())


def test_the_options_stay_folded_until_somebody_uses_them(ready: Ready) -> None:
    page = ready.fill("time")
    assert 'id="launch-terms">' in page
    assert "<dt>Who leaves early</dt>" not in page, "the summary names only what somebody chose"
    ready.post("time", texts_per_hour="5", go="workflow")
    page = ready.client.get(reverse("campaigns:launch_stage", args=["time"])).content.decode()
    assert 'id="launch-terms" open>' in page


def test_a_day_to_join_is_over_at_the_companys_midnight(ready: Ready) -> None:
    day = datetime(2026, 11, 27).date()
    ends = terms.end_of(day, ready.account)
    assert ends == datetime(2026, 11, 28, 6, tzinfo=UTC)
    assert terms.last_day(ends, ready.account) == day


@pytest.mark.parametrize(
    "wrong", [{"again": "after_days"}, {"again_days": 3}, {"send_by_hours": 0}, {"again": "sometimes"}]
)
def test_the_database_keeps_terms_sound(ready: Ready, wrong: dict[str, Any]) -> None:
    campaign = launched(ready)
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(**wrong)


def test_the_form_and_the_terms_agree_on_the_usual() -> None:
    form = TermsForm({name: field.initial for name, field in TermsForm.base_fields.items()})
    assert form.is_valid() and form.terms() == Terms()


class TestPace:
    """Changed while the campaign runs."""

    def test_a_pace_is_changed_said_and_audited(self, ready: Ready) -> None:
        campaign = launched(ready)
        url = reverse("campaigns:pace", args=[campaign.pk])
        assert "Now: as fast as the number sends" in ready.client.get(url, headers=MODAL).content.decode()
        page = ready.client.post(url, {"texts_per_hour": "120"}, follow=True).content.decode()
        assert "At most 120 texts an hour, one every 30 seconds, from now on." in page
        assert "At most 120 texts an hour" in page
        lane = Lane.objects.get(pk=campaign.lane_id)
        assert lane.texts_per_hour == 120
        entry = AuditEntry.objects.about(campaign).get(verb="changed_pace")
        assert entry.detail["before"] == "As fast as the number sends"
        assert entry.summary.startswith("Changed the pace of Spring tune-ups: at most 120 texts an hour")
        ready.client.post(url, {"texts_per_hour": "120"})
        assert AuditEntry.objects.about(campaign).filter(verb="changed_pace").count() == 1
        answer = ready.client.post(url, {"texts_per_hour": ""}, headers=MODAL)
        lane.refresh_from_db()
        assert answer.status_code == 204 and lane.texts_per_hour is None

    def test_nonsense_changes_nothing(self, ready: Ready) -> None:
        campaign = launched(ready, texts_per_hour="9")
        url = reverse("campaigns:pace", args=[campaign.pk])
        answer = ready.client.post(url, {"texts_per_hour": "-1"}, headers=MODAL)
        assert answer.status_code == 422 and "Choose at least 1" in answer.content.decode()
        assert Lane.objects.get(pk=campaign.lane_id).texts_per_hour == 9

    def test_the_pace_of_a_campaign_that_is_over_stays(self, ready: Ready) -> None:
        campaign = launched(ready)
        by = factories.make_user(ready.account)
        lifecycle.stop(campaign, by=by, now=clock.now())
        with pytest.raises(lifecycle.NotPossible):
            lifecycle.change_pace(campaign, 5, by=by, now=clock.now())
        url = reverse("campaigns:pace", args=[campaign.pk])
        page = ready.client.post(url, {"texts_per_hour": "5"}, follow=True).content.decode()
        assert "nothing was changed" in page
        assert "its pace no longer matters" in ready.client.get(url).content.decode()
        assert "Change pace" not in settings_of(ready, campaign)

    def test_an_agent_may_not(self, ready: Ready) -> None:
        url = reverse("campaigns:pace", args=[launched(ready).pk])
        assert signed_in(factories.make_user(ready.account, "agent")).post(url).status_code == 403
