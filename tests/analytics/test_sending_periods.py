"""Ranges of company time as people type them, on any day of the year."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.sending import periods, reading, series
from analytics.sending.periods import MINUTE, Refused

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 22, 20, 15, 30, tzinfo=UTC)
ZONES = ["America/Chicago", "America/Phoenix", "America/St_Johns", "Asia/Kathmandu", "America/Havana", "UTC"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_both_ends_are_whole_minutes() -> None:
    period = periods.between("2026-11-20T03:00", "2026-11-20T03:10", CHICAGO)
    assert (period.start, period.end) == (utc("2026-11-20T09:00"), utc("2026-11-20T09:11"))
    assert period.notes == ()
    assert periods.between("2026-11-20T03:00", "2026-11-20T03:00", CHICAGO).end == utc("2026-11-20T09:01")


def test_a_time_that_comes_twice_means_the_first_at_the_start_and_the_second_at_the_end() -> None:
    period = periods.between("2026-11-01T01:30", "2026-11-01T01:30", CHICAGO)
    assert (period.start, period.end) == (utc("2026-11-01T06:30"), utc("2026-11-01T07:31"))
    assert period.notes == (
        "1:30 am came twice on November 1; the first one was taken.",
        "1:30 am came twice on November 1; the second one was taken.",
    )


def test_a_time_that_never_came_means_the_change_of_the_clocks() -> None:
    change = utc("2026-03-08T08:00")
    after = periods.between("2026-03-08T02:30", "2026-03-08T04:00", CHICAGO)
    assert after.start == change
    assert after.notes == ("2:30 am was skipped on March 8; the range starts at 3:00 am.",)
    until = periods.between("2026-03-08T01:00", "2026-03-08T02:59", CHICAGO)
    assert until.end == change
    with pytest.raises(Refused, match="There was no such time"):
        periods.between("2026-03-08T02:10", "2026-03-08T02:50", CHICAGO)


@pytest.mark.parametrize(
    ("first", "last", "field", "said"),
    [
        ("2026-11-22T10:00", "2026-11-22T09:59", "to", "ends before it starts"),
        ("", "2026-11-22T09:59", "from", "the start is missing"),
        ("2026-11-22T10:00", "", "to", "the end is missing"),
        ("yesterday", "2026-11-22T10:00", "from", "not a day and a time"),
        ("2026-11-22T10:00", "2026-13-22T10:00", "to", "not a day and a time"),
        ("0001-01-01T00:00", "2026-11-22T10:00", "from", "not a day and a time"),
        ("2026-11-22T10:00", "9999-12-31T23:59", "to", "not a day and a time"),
    ],
)
def test_what_is_no_range_is_refused_in_words(first: str, last: str, field: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        periods.asked({"from": first, "to": last}, CHICAGO, NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("preset", "first", "after"),
    [
        ("today", date(2026, 11, 22), date(2026, 11, 23)),
        ("yesterday", date(2026, 11, 21), date(2026, 11, 22)),
        ("7days", date(2026, 11, 16), date(2026, 11, 23)),
        ("30days", date(2026, 10, 24), date(2026, 11, 23)),
        ("month", date(2026, 11, 1), date(2026, 12, 1)),
    ],
)
def test_presets_are_whole_days_of_company_time(preset: str, first: date, after: date) -> None:
    period = periods.asked({"preset": preset}, CHICAGO, NOW)
    assert period.start == periods.day_start(first, CHICAGO)
    assert period.end == periods.day_start(after, CHICAGO)


def test_a_day_of_25_hours_is_whole() -> None:
    day = periods.of_preset("today", CHICAGO, utc("2026-11-01T18:00"))
    assert day.start is not None and day.end is not None and day.end - day.start == timedelta(hours=25)


def test_nothing_said_is_the_last_seven_days_and_an_unknown_preset_is_refused() -> None:
    assert periods.asked({}, CHICAGO, NOW) == periods.of_preset("7days", CHICAGO, NOW)
    assert periods.asked({"preset": "all"}, CHICAGO, NOW).start is None
    with pytest.raises(Refused):
        periods.asked({"preset": "ever"}, CHICAGO, NOW)


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),
    length=st.integers(1, 60 * 24 * 500) | st.integers(1, 3000),
)
def test_parts_are_exactly_the_range(zone: ZoneInfo, start: datetime, length: int) -> None:
    """Months, days, hours and minutes neither overlap nor leave anything out."""
    since = start.replace(second=0, microsecond=0, tzinfo=UTC)
    until = since + length * MINUTE
    cut = reading.parts(since, until, zone)
    spans = [(cut[f"{e}_start"], cut[f"{e}_end"]) for e in "ab"]
    for edge in "ab":
        hours = cut[f"{edge}_first_hour"], cut[f"{edge}_last_hour"]
        assert hours[0] == hours[1] or all(not each.astimezone(UTC).minute for each in hours)
        assert cut[f"{edge}_start"] <= cut[f"{edge}_edge_end"] <= max(hours) <= cut[f"{edge}_end"]
    days = [
        (cut["first_day"], cut["first_month"]),
        (cut["first_month"], cut["last_month"]),
        (cut["last_month"], cut["last_day"]),
    ]
    assert cut["first_month"] == cut["last_month"] or cut["first_month"].day == cut["last_month"].day == 1
    spans += [(periods.day_start(a, zone), periods.day_start(b, zone)) for a, b in days if a < b]
    spans = sorted(span for span in spans if span[0] < span[1])
    assert (spans[0][0], spans[-1][1]) == (since, until)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    length=st.integers(1, 60 * 24 * 8),
    by=st.sampled_from(["hour", "day", "week"]),
)
def test_buckets_are_exactly_the_range(zone: ZoneInfo, start: datetime, length: int, by: str) -> None:
    since = start.replace(second=0, microsecond=0, tzinfo=UTC)
    until = since + length * MINUTE
    cuts = (
        series.hours(since, until, zone)
        if by == "hour"
        else series.days(since, until, zone, weeks=by == "week")
    )
    assert (cuts[0].since, cuts[-1].until) == (since, until)
    assert all(before.until == after.since for before, after in itertools.pairwise(cuts))
    assert len({cut.label for cut in cuts}) == len(cuts)
    for cut in cuts:
        assert cut.since < cut.until
        if by == "day":
            assert cut.since.astimezone(zone).date() == (cut.until - MINUTE).astimezone(zone).date()


def test_ranges_too_long_for_hours_or_days_are_grouped_more_coarsely_and_say_so() -> None:
    start = utc("2026-01-01T06:00")
    assert series.grouping("hour", start, start + timedelta(days=8)).by == "hour"
    coarser = series.grouping("hour", start, start + timedelta(days=9))
    assert coarser.by == "day" and "up to 8 days" in coarser.note
    assert series.grouping("day", start, start + timedelta(days=365)).by == "week"
    assert series.grouping("", start, start + timedelta(days=1)) == series.Grouping("hour")
    assert series.grouping("", start, start + timedelta(days=30)) == series.Grouping("day")
    assert series.grouping("fortnight", None, None) == series.Grouping("week")


def test_a_range_that_was_offered_goes_on_until_its_ends_are_changed() -> None:
    week = periods.of_preset("7days", CHICAGO, NOW)
    first, last = week.typed(CHICAGO)
    assert (first, last) == ("2026-11-16T00:00", "2026-11-22T23:59")
    sent = {"preset": "7days", "from": first, "to": last}
    assert periods.asked(sent, CHICAGO, NOW) == week
    assert periods.asked(sent | {"to": "2026-11-22T12:00"}, CHICAGO, NOW).preset == ""
    assert periods.asked({"preset": "all", "from": "", "to": ""}, CHICAGO, NOW).preset == "all"
