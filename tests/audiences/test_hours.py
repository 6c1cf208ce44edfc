"""Openings: window and law in every candidate zone at once, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences import hours, state_hours
from audiences.models import Opening, SendWindow, ZoneSet
from audiences.places import STATE_ZONES, locate
from tests.audiences.people import NOON

WINDOW = SendWindow(start_minute=540, end_minute=1140, days=0b0111111)
ALL_DAY = SendWindow(start_minute=0, end_minute=1440, days=0b1111111)


def zone_set(zones=(), states=()):
    return ZoneSet(key="x", zones=list(zones), states=list(states))


def at(zone, *parts):
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_default_window_is_nine_to_seven_local_monday_to_saturday():
    spans = hours.openings(zone_set(["America/Denver"], ["CO"]), WINDOW, "text", NOON)
    assert spans[0] == (at("America/Denver", 2026, 11, 24, 9), at("America/Denver", 2026, 11, 24, 19))
    assert all(opens.astimezone(ZoneInfo("America/Denver")).weekday() != 6 for opens, _ in spans)
    assert len(spans) == 13


def test_every_candidate_zone_must_allow_it():
    spans = hours.openings(zone_set(["America/New_York", "America/Los_Angeles"]), WINDOW, "text", NOON)
    assert spans[0] == (at("America/Los_Angeles", 2026, 11, 24, 9), at("America/New_York", 2026, 11, 24, 19))


def test_unknown_zone_is_two_to_six_eastern_on_workdays():
    spans = hours.openings(zone_set(), WINDOW, "text", NOON)
    eastern = [(o.astimezone(ZoneInfo("America/New_York")), c) for o, c in spans]
    assert eastern[0][0].hour == 14 and eastern[0][1] - eastern[0][0] == timedelta(hours=4)
    assert {opens.weekday() for opens, _ in eastern} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("state", "zone", "day", "expected"),
    [
        ("FL", "America/New_York", date(2026, 11, 24), (8, 20)),
        ("KY", "America/New_York", date(2026, 11, 24), (10, 21)),
        ("NV", "America/Los_Angeles", date(2026, 11, 24), (9, 20)),
        ("RI", "America/New_York", date(2026, 11, 28), (10, 17)),
        ("TX", "America/Chicago", date(2026, 11, 29), (12, 21)),
        ("AL", "America/Chicago", date(2026, 11, 29), None),
        ("PA", "America/New_York", date(2026, 11, 26), None),  # Thanksgiving
        ("NY", "America/New_York", date(2026, 11, 29), (8, 21)),
    ],
)
def test_state_law_narrows_an_open_window(state, zone, day, expected):
    spans = hours.openings(zone_set([zone], [state]), ALL_DAY, "text", NOON)
    of_day = [(o, c) for o, c in spans if o.astimezone(ZoneInfo(zone)).date() == day]
    if expected is None:
        assert of_day == []
    else:
        start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        assert of_day == [tuple(start.replace(hour=hour).astimezone(UTC) for hour in expected)]


def test_nine_in_the_morning_stays_nine_across_both_clock_changes():
    for now, change in (
        (datetime(2026, 3, 6, tzinfo=UTC), date(2026, 3, 8)),
        (datetime(2026, 10, 30, tzinfo=UTC), date(2026, 11, 1)),
    ):
        window = SendWindow(start_minute=540, end_minute=1140, days=0b1111111)
        spans = hours.openings(zone_set(["America/New_York"]), window, "text", now)
        local = [
            (o.astimezone(ZoneInfo("America/New_York")), c.astimezone(ZoneInfo("America/New_York")))
            for o, c in spans
        ]
        assert {(o.hour, c.hour) for o, c in local} == {(9, 19)}
        assert change in {o.date() for o, _ in local}
        assert len({o.utcoffset() for o, _ in local}) == 2


@given(
    st.lists(
        st.sampled_from(sorted({z for zones in STATE_ZONES.values() for z in zones})), min_size=1, max_size=3
    ),
    st.lists(st.sampled_from(sorted(state_hours.STATES)), max_size=2),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 14 * 24 * 60),
)
def test_any_instant_inside_an_opening_is_lawful_in_every_zone(zones, states, now, minutes):
    moment = now + timedelta(minutes=minutes)
    found = hours.openings(zone_set(set(zones), states), WINDOW, "text", now)
    inside = any(opens <= moment < closes for opens, closes in found)
    allowed = True
    for zone in zones:
        local = moment.astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        opens, closes = state_hours.lawful(local.date(), states, "text")
        allowed &= local.weekday() < 6 and max(540, opens) <= minute < min(1140, closes)
    assert inside == allowed or (allowed and moment >= now + hours.HORIZON - timedelta(days=1))


def test_holidays_are_kept_on_the_nearest_workday():
    kept = state_hours.public_holidays(2026)
    assert {date(2026, 7, 4), date(2026, 7, 3), date(2026, 5, 25), date(2026, 11, 26)} <= kept
    assert date(2021, 12, 31) in state_hours.public_holidays(2021)  # New Year 2022 was a Saturday


@pytest.mark.django_db
def test_missing_openings_are_computed_at_once_and_stored(django_assert_max_num_queries):
    row, window = hours.zone_set_for(state="CO", zip_code="80202"), hours.default_window()
    pair = (row.pk, window.pk)
    assert hours.current_or_next([pair], "text", NOON)[pair][0] == at("America/Denver", 2026, 11, 24, 9)
    assert Opening.objects.count() == 13
    with django_assert_max_num_queries(2):
        found = hours.current_or_next([pair], "text", at("America/Denver", 2026, 11, 28, 19))
    assert found[pair][0] == at("America/Denver", 2026, 11, 30, 9)  # Saturday's end is closed; Sunday too
    later = NOON + timedelta(days=40)  # nobody refreshed for a month
    assert hours.current_or_next([pair], "text", later)[pair][1] > later


@pytest.mark.django_db
def test_openings_dropped_between_two_statements_are_not_taken_for_closed(monkeypatch):
    """Another account may leave these hours: their openings go just after they were found to be there."""
    zones = ZoneSet.objects.create(key="NY", zones=["America/New_York"], states=["NY"])
    pair = (zones.pk, hours.default_window().pk)
    before = hours.current_or_next([pair], "text", NOON)
    ensure = hours.ensure_openings

    def ensure_and_lose(*asked):
        ensure(*asked)
        Opening.objects.all().delete()

    monkeypatch.setattr(hours, "ensure_openings", ensure_and_lose)
    assert hours.current_or_next([pair], "text", NOON) == before != {}


@pytest.mark.django_db
def test_refresh_extends_corrects_and_forgets():
    row, window = hours.zone_set_for(state="CO", zip_code="80202"), hours.default_window()
    hours.ensure_openings([(row.pk, window.pk)], "text", NOON)
    later = NOON + timedelta(days=7)
    wrong = Opening.objects.filter(opens_at__gt=later).earliest("opens_at")
    wrong.opens_at -= timedelta(hours=3)
    wrong.save()
    assert hours.refresh_openings(later) > 0
    rows = (
        Opening.objects.filter(closes_at__gt=later).order_by("opens_at").values_list("opens_at", "closes_at")
    )
    assert list(rows) == hours.openings(row, window, "text", later)
    assert not Opening.objects.filter(closes_at__lt=later - timedelta(days=2)).exists()
    assert hours.refresh_openings(later) == 0


@pytest.mark.django_db
def test_people_of_one_place_share_a_zone_set():
    first = hours.zone_set_for(state="CO", zip_code="80202", phones=["+13035550100"])
    assert hours.zone_set_for(state="co", zip_code="80203-1234") == first
    assert first.zones == ["America/Denver"] and first.states == ["CO"]
    assert hours.zone_set_for().key == locate().key == "unknown|"
