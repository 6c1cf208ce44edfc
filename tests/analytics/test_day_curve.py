"""Today's curve: hours of the account's day, on days of 23 and 25 hours too, beside what is usual."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from analytics import counters, day_curve, day_drawing, metrics
from conversations.models import Message
from tests.analytics.world import World, build

pytestmark = pytest.mark.django_db
CHICAGO = ZoneInfo("America/Chicago")
TUESDAY = datetime(2026, 5, 5, 11, 0, tzinfo=CHICAGO)


def texts(world: World, *instants: datetime) -> None:
    """A text accepted at each instant."""
    for at in instants:
        world.touch(at=at)


def curve(world: World, now: datetime, name: str = "texts_today") -> day_curve.Curve:
    """One figure of today at `now`."""
    return next(curve for curve in day_curve.of_account(world.account, now).curves if curve.name == name)


def counted(curve: day_curve.Curve) -> dict[str, int]:
    """Hours in which something was counted."""
    return {hour.label: hour.n for hour in curve.hours if hour.n}


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Kolkata", "America/St_Johns"])
def test_hours_begin_at_the_accounts_midnight(zone: str, folded: bool) -> None:
    world = build(zone)
    here = world.account.zone
    now = datetime(2026, 5, 5, 11, 0, tzinfo=here)
    texts(
        world,
        datetime(2026, 5, 4, 23, 59, 59, tzinfo=here),
        datetime(2026, 5, 5, 0, 0, tzinfo=here),
        datetime(2026, 5, 5, 9, 59, 59, tzinfo=here),
        datetime(2026, 5, 5, 10, 0, tzinfo=here),
        datetime(2026, 5, 5, 10, 59, tzinfo=here),
    )
    if folded:
        counters.squash()
    found = curve(world, now)
    assert counted(found) == {"12 am": 1, "9 am": 1, "10 am": 2} and found.total == 4
    assert [hour.so_far for hour in found.hours if hour.n] == [1, 2, 4]
    assert [hour.begun for hour in found.hours] == [True] * 12 + [False] * 12


@pytest.mark.parametrize(
    ("day", "hours", "labels"),
    [
        (datetime(2026, 3, 8, tzinfo=CHICAGO), 23, ["12 am", "1 am", "3 am", "4 am"]),
        (datetime(2026, 11, 1, tzinfo=CHICAGO), 25, ["12 am", "1 am CDT", "1 am CST", "2 am"]),
    ],
)
def test_days_when_clocks_change(day: datetime, hours: int, labels: list[str]) -> None:
    world = build()
    ten = datetime(day.year, day.month, day.day, 10, 30, tzinfo=CHICAGO)
    texts(
        world, ten, day.astimezone(UTC) + timedelta(minutes=90), day.astimezone(UTC) + timedelta(minutes=150)
    )
    found = curve(world, ten + timedelta(minutes=10))
    assert len(found.hours) == hours and [hour.label for hour in found.hours[:4]] == labels
    assert counted(found) == {labels[1]: 1, labels[2]: 1, "10 am": 1}
    assert [hour.label for hour in found.hours if hour.begun][-1] == "10 am"
    (drawing, *_) = day_drawing.drawings(day_curve.of_account(world.account, ten))
    noon = next(tick.x for tick in drawing.ticks if tick.words == "noon")
    assert noon == pytest.approx(100 * (hours - 12) / hours, abs=0.01)


def test_every_figure_of_the_curve_opens_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    world, other = build(), build()
    texts(other, TUESDAY - timedelta(hours=1))
    texts(world, TUESDAY - timedelta(days=1), TUESDAY - timedelta(hours=2), TUESDAY - timedelta(hours=1))
    Message.objects.filter(account=world.account, accepted_at__lt=TUESDAY - timedelta(hours=1)).update(
        replied_at=TUESDAY - timedelta(minutes=30)
    )
    day = day_curve.of_account(world.account, TUESDAY)
    assert [curve.total for curve in day.curves] == [2, 0, 2, 0]  # texts, calls, replies, jobs
    for curve in day.curves:
        rows = metrics.rows_behind_tile(world.account, curve.name, now=TUESDAY)
        assert rows.count() == curve.total
        for hour in curve.hours:
            behind = metrics.rows_behind_tile(world.account, curve.name, now=TUESDAY, hour=hour.index)
            assert behind.count() == hour.n, (curve.name, hour.label)


def test_usual_is_the_mean_of_the_same_weekday() -> None:
    world = build()
    nine = TUESDAY.replace(hour=9)
    texts(world, *[nine - timedelta(days=7)] * 4, *[nine - timedelta(days=14)] * 2, nine - timedelta(days=1))
    found = curve(world, TUESDAY)
    assert day_curve.of_account(world.account, TUESDAY).compared == "the last 2 Tuesdays with texts"
    assert [hour.usual for hour in found.hours if hour.usual] == [3.0]
    assert found.hours[8].usual_so_far == 0 and found.hours[10].usual_so_far == 3
    assert found.usual_by_now == 3
    table = day_curve.of_account(world.account, TUESDAY).table
    assert [hour.label for hour, _ in table] == ["9 am", "10 am", "11 am"], "from the first busy hour on"
    assert curve(world, TUESDAY.replace(hour=9, minute=30)).usual_now == 1.5, (
        "half of what nine o'clock brings"
    )


def test_usual_of_other_days_where_the_weekday_says_too_little() -> None:
    world = build()
    texts(world, TUESDAY - timedelta(days=7), TUESDAY - timedelta(days=1), TUESDAY - timedelta(days=1))
    usual = day_curve.usual_before(world.account, TUESDAY)
    assert usual is not None and usual.compared == "the last 2 days with texts"
    assert usual.means["texts_today", 11] == 1.5


def test_days_with_calls_alone_are_days_to_compare_with() -> None:
    world = build()
    week, day = timedelta(days=7), timedelta(days=1)
    for ago in (week, 2 * week):
        world.called(at=(TUESDAY - ago).astimezone(UTC))
    usual = day_curve.usual_before(world.account, TUESDAY)
    assert usual is not None and usual.compared == "the last 2 Tuesdays with calls"
    assert usual.means["calls_today", 11] == 1.0
    texts(world, TUESDAY - week - day)
    usual = day_curve.usual_before(world.account, TUESDAY - day)
    assert usual is not None and usual.compared == "the last 3 days with texts or calls"


def test_without_earlier_days_nothing_is_compared() -> None:
    world = build()
    assert day_curve.of_account(world.account, TUESDAY).empty
    texts(world, TUESDAY - timedelta(minutes=5))
    day = day_curve.of_account(world.account, TUESDAY)
    assert not day.empty and not day.compared
    assert all(
        drawing.usual == "" and "usually" not in drawing.words for drawing in day_drawing.drawings(day)
    )


def test_now_is_drawn_where_the_count_is() -> None:
    world = build()
    texts(world, *[TUESDAY - timedelta(minutes=5)] * 4)
    (drawing, *_) = day_drawing.drawings(day_curve.of_account(world.account, TUESDAY))
    assert drawing.top.words == "4" and drawing.now_y == day_drawing.TOP
    assert drawing.today.split()[-1] == f"{drawing.now_x:g},{drawing.now_y:g}"
    assert [day_drawing.nice(n) for n in (0, 4, 5, 7, 31, 1278)] == [4, 4, 5, 8, 40, 1500]
