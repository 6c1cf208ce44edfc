"""Clocks that step, and the two nights a year in which an hour is missing or comes twice."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bench.faulted import Course, clock_of

CHICAGO = ZoneInfo("America/Chicago")
HOUR = timedelta(hours=1)
SHUT_SECONDS = 3.0  # how long it is watched that nothing leaves


def step(course: Course) -> None:
    """The clock goes on by an hour and back by one, more than once, amid the sending."""
    course.launch()
    for share in sorted(course.rng.uniform(0.05, 0.9) for _ in range(4)):
        course.await_share(share)
        hours = course.rng.choice((-1, 1))
        course.set_clock(clock_of(course.product) + hours * HOUR)
    course.recount()


def missing_hour(course: Course) -> None:
    """A launch in the night when the clocks go forward: on Monday, 9:00 is an hour earlier by UTC."""
    across_the_change(course, longer=True)


def hour_twice(course: Course) -> None:
    """A launch in the night when the clocks go back: on Monday, 9:00 is an hour later by UTC."""
    across_the_change(course, longer=False)


def across_the_change(course: Course, *, longer: bool) -> None:
    """Launch at night; nobody is texted before Monday 9:00 of their own time, and everybody is then.

    Arizona has no change, so that its 9:00 comes at another distance from Chicago's than the week before.
    """
    night = night_before_the_change(clock_of(course.product), longer=longer)
    course.set_clock(night)
    course.launch()
    opening = (night + timedelta(days=1)).astimezone(CHICAGO).replace(hour=9, minute=0, second=0)
    time.sleep(SHUT_SECONDS)
    if course.texts_taken():
        course.complain("texts left at night")
    for minutes in (-30, 5):
        course.set_clock(opening.astimezone(UTC) + timedelta(minutes=minutes))
        time.sleep(SHUT_SECONDS)
    in_chicago = {phone for phone, zone in course.facts.zones.items() if zone == CHICAGO.key}

    def chicago_is_texted() -> bool:
        course.texts_taken()
        return in_chicago <= {text["to"] for text in course.texts}

    course.await_that(chicago_is_texted, 60, "Chicago was not texted after its opening")
    course.recount()


def night_before_the_change(present: datetime, *, longer: bool) -> datetime:
    """1:00 in Chicago on the Sunday of its next change to longer (or shorter) evenings, in UTC.

    By then it is night everywhere, in Hawaii as well.
    """
    day = present.astimezone(CHICAGO).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=3)
    while True:
        before, after = day.utcoffset(), (day + timedelta(days=1)).utcoffset()
        assert before is not None
        assert after is not None
        if (after > before) if longer else (after < before):
            return (day + timedelta(days=1)).replace(hour=1).astimezone(UTC)
        day += timedelta(days=1)
