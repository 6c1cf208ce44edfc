"""Starts by clocks: where each contact lives, and round again, whatever daylight saving does."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from audiences.hours import zone_set_for
from campaigns import enrolling, lifecycle, repeating, starts
from campaigns.models import Campaign, Enrollment, Intake, Step
from campaigns.starts import Schedule
from campaigns.terms import Again, Terms
from common import clock
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launch_form import Ready
from tests.campaigns.launched import launch

TEN = 10 * 60
PLACES = {"MA": ("02108", "+16175550101"), "IL": ("60601", "+13125550102"), "CA": ("90001", "+12135550103")}


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def living_in(account, *states):
    return {
        state: factories.make_contact(
            account, PLACES[state][1], state=state, zip=PLACES[state][0],
            zone_set=zone_set_for(state=state, zip_code=PLACES[state][0], phones=[PLACES[state][1]]),
        )
        for state in states
    }  # fmt: skip


def dues(campaign):
    rows = Step.objects.filter(campaign=campaign).values_list(
        "enrollment__contact__state", "due_at", "send_by"
    )
    return {state: (due, send_by - due) for state, due, send_by in rows}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 11, 24), {"MA": 15, "IL": 16, "CA": 18}),
        (date(2027, 3, 14), {"MA": 14, "IL": 15, "CA": 17}),  # clocks went forward that night
        (date(2027, 11, 7), {"MA": 15, "IL": 16, "CA": 18}),  # and back
    ],
)
def test_ten_is_ten_where_each_lives(noon: datetime, day: date, hours: dict[str, int]) -> None:
    account = factories.make_account()
    living_in(account, "MA", "IL", "CA")
    schedule = Schedule(day, TEN, local=True)
    first = schedule.moment(account)
    assert first == at(day.year, day.month, day.day, hours["MA"])
    campaign = launch(account, schedule=schedule, at=first, now=noon)
    enrolling.enroll(campaign, now=noon)
    wanted = {state: at(day.year, day.month, day.day, hour) for state, hour in hours.items()}
    assert dues(campaign) == {state: (due, timedelta(hours=72)) for state, due in wanted.items()}


@pytest.mark.django_db
def test_whoever_may_live_in_two_zones_goes_with_the_later(noon: datetime) -> None:
    account = factories.make_account()
    zone_set = zone_set_for(state="IL", zip_code="60601", phones=["+12135550103"])
    both = ["America/Chicago", "America/Los_Angeles"]
    type(zone_set).objects.filter(pk=zone_set.pk).update(zones=both)
    factories.make_contact(account, zone_set=zone_set)
    schedule = Schedule(date(2026, 11, 24), TEN, local=True)
    campaign = launch(account, schedule=schedule, at=schedule.moment(account), now=noon)
    enrolling.enroll(campaign, now=noon)
    assert Step.objects.get().due_at == at(2026, 11, 24, 18)


@pytest.mark.django_db
def test_who_enters_after_their_time_is_due_at_once(noon: datetime) -> None:
    account = factories.make_account()
    living_in(account, "MA", "CA")
    schedule = Schedule(date(2026, 11, 24), TEN, local=True)
    campaign = launch(account, schedule=schedule, at=schedule.moment(account), now=noon)
    late = at(2026, 11, 24, 16, 30)
    enrolling.enroll(campaign, now=late)
    assert {state: due for state, (due, _) in dues(campaign).items()} == {
        "MA": late,
        "CA": at(2026, 11, 24, 18),
    }


def test_days_weeks_and_months_keep_their_clock() -> None:
    weekly = Schedule(date(2027, 3, 7), TEN, repeats="weeks")
    assert [weekly.day_of(n) for n in (1, 2, 3)] == [date(2027, 3, 7), date(2027, 3, 14), date(2027, 3, 21)]
    monthly = Schedule(date(2027, 1, 31), TEN, repeats="months")
    assert [monthly.day_of(n) for n in (2, 3, 13, 14)] == [
        date(2027, 2, 28), date(2027, 3, 31), date(2028, 1, 31), date(2028, 2, 29),
    ]  # fmt: skip
    assert Schedule(date(2027, 1, 1), TEN, repeats="days", every=10).day_of(3) == date(2027, 1, 21)


def recurring(account, noon, **more):
    """Weekly on Sundays at ten, from a week before clocks go forward; the first has been taken in."""
    schedule = Schedule(date(2027, 3, 7), TEN, repeats="weeks", until=at(2027, 4, 12, 5))
    terms = more.pop("terms", Terms(again=Again.EACH_OCCURRENCE))
    campaign = launch(account, schedule=schedule, at=schedule.moment(account), terms=terms, now=noon, **more)
    enrolling.enroll(campaign, now=noon)
    Campaign.objects.filter(pk=campaign.pk).update(status="active")
    return campaign


@pytest.mark.django_db
def test_each_occurrence_begins_once_at_its_instant_and_lets_people_in_again(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = recurring(account, noon)
    assert campaign.starts_at == at(2027, 3, 7, 16)
    Enrollment.objects.update(state="ended", ended_at=noon, ended_reason="finished")
    sunday = at(2027, 3, 14, 15)  # ten by the clocks that went forward
    assert repeating.begin_due(now=sunday - timedelta(seconds=1)) == 0
    assert repeating.begin_due(now=sunday) == 1 and repeating.begin_due(now=sunday) == 0
    assert lifecycle.unfinished_intakes(now=sunday) == [(campaign, 2)]
    enrolling.enroll(campaign, now=sunday, occurrence=2)
    enrolling.enroll(campaign, now=sunday, occurrence=2)
    assert list(Enrollment.objects.order_by("pk").values_list("occurrence", "returning")) == [
        (1, False),
        (2, True),
    ]
    assert Step.objects.latest("pk").due_at == sunday
    assert not AuditEntry.objects.filter(verb="missed_occurrences").exists()


@pytest.mark.django_db
def test_its_page_says_when_it_comes_again(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = recurring(account, noon)
    campaign.refresh_from_db()
    sunday = at(2027, 3, 14, 15)
    assert repeating.upcoming(campaign, now=at(2027, 3, 8, 12)) == (2, sunday)
    page = signed_in(factories.make_user(account, "agent")).get(
        reverse("analytics:campaign", args=[campaign.pk])
    )
    assert "Comes again" in page.text and "Mar 14, 2027, 10:00 am" in page.text and "number 2" in page.text
    late = at(2027, 3, 30, 12)  # it was paused meanwhile: what passed begins late, as one
    assert repeating.upcoming(campaign, now=late) == (5, at(2027, 4, 4, 15))
    assert repeating.upcoming(campaign, now=at(2027, 4, 12, 5)) is None
    campaign.status = "scheduled"
    assert repeating.upcoming(campaign, now=noon) is None


@pytest.mark.django_db
def test_a_late_worker_begins_the_latest_alone_and_says_so(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = recurring(account, noon)
    late = at(2027, 3, 30, 12)  # the 14th, the 21st and the 28th have passed
    assert repeating.begin_due(now=late) == 1 and repeating.begin_due(now=late) == 0
    latest = Intake.objects.get(campaign=campaign, occurrence=4)
    assert (latest.starts_at, latest.missed) == (at(2027, 3, 28, 15), 2)
    said = AuditEntry.objects.get(verb="missed_occurrences").summary
    assert "2 occurrences of Tune-up never began" in said and "Number 4" in said


@pytest.mark.django_db
def test_paused_ones_begin_nothing_and_the_end_ends_it(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = recurring(account, noon)
    Enrollment.objects.update(state="ended", ended_at=noon, ended_reason="finished")
    Campaign.objects.update(status="paused")
    assert repeating.begin_due(now=at(2027, 3, 20)) == 0
    Campaign.objects.update(status="active")
    assert lifecycle.complete_finished(now=at(2027, 3, 8)) == 0, "active until its last day"
    assert repeating.latest_due(campaign, 1, now=at(2027, 6, 1)) == (6, at(2027, 4, 11, 15))
    over = at(2027, 4, 12, 5)
    assert repeating.begin_due(now=over) == 0, "nothing begins behind the last day"
    assert lifecycle.complete_finished(now=over) == 1
    said = AuditEntry.objects.get(verb="missed_occurrences").summary
    assert "5 occurrences of Tune-up never began" in said and "last day is over" in said


@pytest.mark.django_db
def test_who_looks_for_what_is_due_asks_nobody_where_they_live_long_before(
    noon: datetime, django_assert_num_queries
) -> None:
    account = factories.make_account()
    living_in(account, "MA", "CA")
    schedule = Schedule(date(2026, 11, 24), TEN, local=True, repeats="weeks", until=noon + timedelta(days=90))
    campaign = launch(account, schedule=schedule, at=schedule.moment(account), now=noon)
    second = at(2026, 12, 1, 15)  # ten in Boston
    with django_assert_num_queries(0):
        assert repeating.latest_due(campaign, 1, now=second - timedelta(days=2)) is None
    assert repeating.latest_due(campaign, 1, now=second - timedelta(seconds=1)) is None
    assert repeating.latest_due(campaign, 1, now=second) == (2, second)


@pytest.mark.django_db
def test_a_person_chooses_clocks_and_repetition(ready: Ready) -> None:
    day = clock.now().astimezone(ready.account.zone).date() + timedelta(days=3)
    until = day + timedelta(days=30)
    page = ready.fill(
        start="local", starts_at=f"{day}T10:00", repeats="weeks", repeats_every="2", repeats_until=str(until),
        again="occurrence", credit_window_days="14",
    )  # fmt: skip
    assert "where each customer lives" in page and "Every 2 weeks at 10:00 am, until" in page
    assert "Jobs within 14 days of a message" in page
    assert ready.post("review").status_code == 302
    campaign = Campaign.objects.get()
    schedule = starts.of(campaign)
    assert schedule is not None and (schedule.day, schedule.minute, schedule.local) == (day, TEN, True)
    assert (campaign.repeats, campaign.repeats_every, campaign.again) == ("weeks", 2, "occurrence")
    assert campaign.credit_window_days == 14


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repeats": "weeks"}, "Choose the last day to begin"),
        ({"repeats": "weeks", "repeats_until": "2020-01-01"}, "This day is over before the campaign starts"),
        ({"repeats": "weeks", "repeats_until": "2040-01-01"}, "more than two years ahead"),
        ({"start": "local"}, "Choose when the campaign starts"),
        ({"start": "local", "starts_at": "2020-01-01T10:00"}, "This time has passed"),
        ({"first": "people", "canary_people": ""}, "Say how many go first"),
        ({"first": "percent", "canary_percent": "90"}, "at most 50"),
    ],
)
def test_what_does_not_hold_is_said_where_it_was_typed(
    ready: Ready, changes: dict[str, str], words: str
) -> None:
    ready.fill(until="time")
    answer = ready.post("time", **changes)
    assert answer.status_code == 422 and words in answer.content.decode()
