"""A time of the week is one instant per place, whatever the clocks do there."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.moments import next_local

NEW_YORK, CHICAGO, PHOENIX, LOS_ANGELES = (
    "America/New_York",
    "America/Chicago",
    "America/Phoenix",
    "America/Los_Angeles",
)
TUESDAY, SUNDAY = 1, 6


def at(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_it_is_the_next_such_time_and_never_this_instant() -> None:
    moment = at(CHICAGO, 2026, 11, 24, 9)  # a Tuesday
    just_before = moment - timedelta(seconds=1)
    assert next_local([CHICAGO], days=[TUESDAY], at=time(9), after=just_before) == moment
    assert next_local([CHICAGO], days=[TUESDAY], at=time(9), after=moment) == moment + timedelta(days=7)
    assert next_local([CHICAGO], days=range(7), at=time(9), after=moment) == moment + timedelta(days=1)


def test_it_has_struck_in_every_candidate_zone() -> None:
    morning = at(NEW_YORK, 2026, 11, 24, 10)  # nine is past in New York, not in Los Angeles
    found = next_local([NEW_YORK, LOS_ANGELES], days=[TUESDAY], at=time(9), after=morning)
    assert found == at(LOS_ANGELES, 2026, 11, 24, 9)


def test_nobody_knows_where_is_eastern_time() -> None:
    found = next_local([], days=[TUESDAY], at=time(9), after=at(NEW_YORK, 2026, 11, 23, 9))
    assert found == at(NEW_YORK, 2026, 11, 24, 9)


@pytest.mark.parametrize(
    ("zone", "at_time", "expected"),
    [
        (
            NEW_YORK,
            time(2, 30),
            datetime(2026, 3, 8, 7, 0, tzinfo=UTC),
        ),  # half past two does not exist: three
        (PHOENIX, time(2, 30), datetime(2026, 3, 8, 9, 30, tzinfo=UTC)),  # where no clock is changed
    ],
)
def test_a_time_the_clocks_leave_out_is_the_next_that_exists(
    zone: str, at_time: time, expected: datetime
) -> None:
    after = datetime(2026, 3, 7, 20, tzinfo=UTC)
    assert next_local([zone], days=[SUNDAY], at=at_time, after=after) == expected


def test_a_time_the_clocks_repeat_strikes_once() -> None:
    after = at(NEW_YORK, 2026, 10, 31, 12)
    first = next_local([NEW_YORK], days=range(7), at=time(1, 30), after=after)
    assert first == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert next_local([NEW_YORK], days=range(7), at=time(1, 30), after=first) == at(
        NEW_YORK, 2026, 11, 2, 1, 30
    )


@given(
    st.sampled_from([NEW_YORK, CHICAGO, PHOENIX, LOS_ANGELES, "Pacific/Honolulu"]),
    st.sets(st.integers(0, 6), min_size=1),
    st.times(),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 1), timezones=st.just(UTC)),
)
def test_on_a_named_day_within_a_week(zone: str, days: set[int], at_time: time, after: datetime) -> None:
    at_time = at_time.replace(second=0, microsecond=0)
    found = next_local([zone], days=days, at=at_time, after=after)
    local = found.astimezone(ZoneInfo(zone))
    assert local.weekday() in days
    assert after < found <= after + timedelta(days=7, hours=1)
    assert local.time() == at_time or (local.hour == 3 and at_time.hour == 2)
