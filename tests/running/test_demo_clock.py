from datetime import UTC, datetime, timedelta

import pytest

from config import demo_clock
from config.demo_clock import COMPANY_ZONE, parse, start_clock, starting_offset

SATURDAY_NIGHT = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)


def company(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=COMPANY_ZONE)


def test_first_demo_start_is_next_tuesday_at_ten_company_time():
    offset = starting_offset(None, real_now=SATURDAY_NIGHT, wanted=None, demo=True)
    assert SATURDAY_NIGHT + offset == company("2026-11-24T10:00")


def test_first_demo_start_on_a_tuesday_after_ten_is_the_next_one():
    now = company("2026-11-24T10:00").astimezone(UTC)
    assert now + starting_offset(None, real_now=now, wanted=None, demo=True) == company("2026-12-01T10:00")


@pytest.mark.parametrize(
    ("shown", "moves_to"),
    [
        ("2026-11-24T09:00", None),
        ("2026-11-24T16:59", None),
        ("2026-11-24T17:00", "2026-11-25T10:00"),
        ("2026-11-24T08:59", "2026-11-24T10:00"),
        ("2026-11-27T18:00", "2026-11-30T10:00"),  # Friday evening
        ("2026-11-28T12:00", "2026-11-30T10:00"),  # Saturday
        ("2026-11-29T23:00", "2026-11-30T10:00"),  # Sunday
        ("2027-03-13T12:00", "2027-03-15T10:00"),  # the clocks change in between
    ],
)
def test_later_demo_start_outside_working_hours_moves_on(shown, moves_to):
    kept = company(shown) - SATURDAY_NIGHT
    offset = starting_offset(kept, real_now=SATURDAY_NIGHT, wanted=None, demo=True)
    assert SATURDAY_NIGHT + offset == company(moves_to or shown)
    assert offset >= kept


def test_named_instant_starts_the_clock_and_never_turns_it_back():
    wanted = company("2026-11-24T20:00")
    first = starting_offset(None, real_now=SATURDAY_NIGHT, wanted=wanted, demo=True)
    assert SATURDAY_NIGHT + first == wanted
    an_hour_later = SATURDAY_NIGHT + timedelta(hours=1)
    assert starting_offset(first, real_now=an_hour_later, wanted=wanted, demo=True) == first
    later = wanted + timedelta(days=1)
    assert an_hour_later + starting_offset(first, real_now=an_hour_later, wanted=later, demo=True) == later


def test_past_instant_may_be_reproduced_at_the_first_start():
    wanted = company("2025-07-04T11:00")
    assert SATURDAY_NIGHT + starting_offset(None, real_now=SATURDAY_NIGHT, wanted=wanted, demo=True) == wanted


def test_real_deployment_keeps_real_time():
    assert starting_offset(None, real_now=SATURDAY_NIGHT, wanted=None, demo=False) == timedelta(0)


def test_instant_without_a_zone_is_company_time():
    assert parse("2026-11-24T10:00") == company("2026-11-24T10:00")
    assert parse("2026-11-24T10:00+00:00") == datetime(2026, 11, 24, 10, tzinfo=UTC)
    with pytest.raises(ValueError, match="tomorrow"):
        parse("tomorrow")


def test_offset_is_kept_in_the_data_folder(tmp_path):
    first = start_clock(tmp_path, wanted="2031-01-06T10:00", demo=True)
    again = start_clock(tmp_path, wanted="", demo=True)
    assert first == demo_clock.parse("2031-01-06T10:00")
    assert timedelta(0) <= again - first < timedelta(minutes=1)
