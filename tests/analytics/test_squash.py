"""Folding deltas: into which cells, at most how many, and what a range reads."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections

from analytics import counters
from analytics.models import CounterDelta, CounterHour, CounterMinute, CounterTotal
from analytics.recount import recount
from campaigns.models import Step
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return build()


def test_squash_folds_into_totals_minutes_and_hours(world: World) -> None:
    for minutes in (0, 0, 1, 61):
        world.step(world.enrol(), at=later(minutes))
    before = counters.totals([world.campaign.pk])
    assert counters.squash() > 0
    assert not CounterDelta.objects.exists()
    assert counters.totals([world.campaign.pk]) == before
    entered = {"campaign_id": world.campaign.pk, "column": "entered"}
    assert CounterTotal.objects.get(**entered).n == 4
    assert list(CounterMinute.objects.filter(**entered).order_by("minute").values_list("n", flat=True)) == [
        2, 1, 1,
    ]  # fmt: skip
    assert list(CounterHour.objects.filter(**entered).order_by("hour").values_list("hour", "n")) == [
        (datetime(2026, 5, 5, 12, tzinfo=UTC), 3),
        (datetime(2026, 5, 5, 13, tzinfo=UTC), 1),
    ]
    assert recount().differences == []


def test_squash_takes_at_most_its_limit(world: World) -> None:
    for _ in range(3):
        world.step(world.enrol())
    waiting = CounterDelta.objects.count()
    assert counters.squash(limit=2) == 2
    assert CounterDelta.objects.count() == waiting - 2
    assert recount().differences == []
    while counters.squash(limit=2):
        assert recount().differences == []
    assert not CounterDelta.objects.exists()


def test_cells_that_reach_zero_are_deleted(world: World) -> None:
    step = world.step(world.enrol())
    counters.squash()
    Step.objects.filter(pk=step.pk).update(state="queued", state_at=later(80), due_at=None)
    counters.squash()
    for model in (CounterTotal, CounterMinute, CounterHour):
        assert not model.objects.filter(n=0).exists()
        assert not model.objects.filter(column="scheduled").exists()
    assert recount().differences == []


@pytest.mark.django_db(transaction=True)
def test_second_squash_does_nothing_while_one_runs(world: World) -> None:
    world.step(world.enrol())
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("begin")
            cursor.execute("select pg_advisory_xact_lock(%s)", [counters.SQUASH_LOCK])
            assert counters.squash() == 0
            cursor.execute("rollback")
        assert counters.squash() > 0
    finally:
        other.close()


RANGES = [
    ("2026-05-05 12:00", "2026-05-05 12:11"),
    ("2026-05-05 11:59", "2026-05-05 15:01"),
    ("2026-05-05 12:00", "2026-05-05 15:00"),
    ("2026-05-05 12:30", "2026-05-05 13:00"),
    ("2026-05-05 12:30", "2026-05-05 13:01"),
    ("2026-05-05 13:00", "2026-05-05 13:00"),
    ("2026-05-05 18:30+05:30", "2026-05-05 20:30+05:30"),
]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize(("start", "end"), RANGES)
def test_range_counts_whole_minutes_only(world: World, start: str, end: str, folded: bool) -> None:
    ends = [datetime.fromisoformat(end) for end in (start, end)]
    begin, finish = (at if at.tzinfo else at.replace(tzinfo=UTC) for at in ends)
    instants = [NOON + timedelta(minutes=7 * n, seconds=n) for n in range(30)]
    for at in instants:
        world.step(world.enrol(at=at), at=at)
    if folded:
        counters.squash()
    found = counters.between([world.campaign.pk], begin, finish)
    assert found[world.campaign.pk, "first_text", "entered"] == sum(begin <= at < finish for at in instants)


def test_range_refuses_a_bound_inside_a_minute(world: World) -> None:
    with pytest.raises(ValueError, match="whole minute"):
        counters.between([world.campaign.pk], NOON, later(5))


def test_reading_totals_takes_one_statement(
    world: World, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        counters.totals([world.campaign.pk])
    assert connection.in_atomic_block
