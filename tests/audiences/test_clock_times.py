"""Times that people type: in the two odd nights of the year, and beyond every calendar."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from audiences.clock_times import ClockTimeField


@pytest.fixture(autouse=True)
def in_chicago() -> Iterator[None]:
    with timezone.override("America/Chicago"):
        yield


@pytest.mark.parametrize(
    ("typed", "instant"),
    [
        ("2027-03-14T02:30", datetime(2027, 3, 14, 8, 0, tzinfo=UTC)),  # clocks leave it out: three o’clock
        ("2027-11-07T01:30", datetime(2027, 11, 7, 6, 30, tzinfo=UTC)),  # they show it twice: the first
        ("2027-06-01T10:00", datetime(2027, 6, 1, 15, 0, tzinfo=UTC)),
    ],
)
def test_every_time_that_clocks_show_or_leave_out_is_an_instant(typed: str, instant: datetime) -> None:
    assert ClockTimeField().clean(typed) == instant


@pytest.mark.parametrize(
    "typed", ["soon", "2027-02-30T10:00", "9999-12-31T23:59", "0001-01-01T00:00", "20277-01-01T10:00"]
)
def test_what_is_no_time_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValidationError, match="Choose a day and a time that exist"):
        ClockTimeField().clean(typed)


def test_blank_is_none_where_it_may_be() -> None:
    assert ClockTimeField(required=False).clean("") is None
