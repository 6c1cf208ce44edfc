"""Days and months: kept by folding, made again from minutes or rows, and moved with the account's zone."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import Account
from analytics import counters, metrics, number_counts, rollups, status_counts
from analytics.models import CounterBaseline, CounterDay, CounterFill, CounterMonth
from analytics.recount import recount
from analytics.tasks import count_senders, count_statuses
from conversations.models import Message
from tests.analytics.test_metrics import fill
from tests.analytics.world import World, build, later

pytestmark = pytest.mark.django_db
ANALYTICS = Path(__file__).resolve().parents[2] / "analytics"
BEFORE = [(ANALYTICS / "migrations" / name).read_text() for name in ("0003_counters.sql", "0006_edges.sql")]
NOW = [
    (ANALYTICS / "sql" / f"{name}.sql").read_text()
    for name in ("count_enrollments", "count_messages", "count_steps", "make_days")
]
OTHERS = [(ANALYTICS / "sql" / "count_job_credits.sql").read_text()]  # count as they do now
TABLES = ("total", "hour", "day", "month")


@pytest.fixture
def world() -> World:
    return build()


def kept() -> dict[str, list[Any]]:
    """Everything that rollups are, by level."""
    found = {}
    with connection.cursor() as cursor:
        for level in TABLES:
            cursor.execute(f"select to_jsonb(c) - 'id' from analytics_counter{level} c order by 1")
            found[level] = [row[0] for row in cursor.fetchall()]
    return found


def squash_all() -> None:
    while counters.squash():
        pass


def test_rebuilt_rollups_equal_the_kept_ones(world: World) -> None:
    fill(world)
    squash_all()
    before = kept()
    assert all(len(before[level]) > 5 for level in TABLES)
    with connection.cursor() as cursor:
        for level in TABLES:
            cursor.execute(f"delete from analytics_counter{level} where id %% 2 = 0", [])
            cursor.execute(f"update analytics_counter{level} set n = n + 7")
    assert recount().differences
    call_command("rebuild_rollups")
    assert kept() == before
    assert recount().differences == []


def test_minutes_are_made_again_from_the_rows(world: World) -> None:
    fill(world)
    for _ in range(3):  # some folded, some not
        counters.squash(limit=50)
    with connection.cursor() as cursor:
        cursor.execute("delete from analytics_counterminute where id % 3 = 0")
        cursor.execute("update analytics_counterdelta set n = n + 1 where id % 5 = 0")
    call_command("rebuild_rollups", "--from-rows")
    assert recount().differences == []


def test_days_are_the_accounts_own_and_move_with_its_zone(world: World) -> None:
    Account.objects.filter(pk=world.account.pk).update(timezone="America/Chicago")
    world.enrol(at=datetime(2026, 6, 1, 4, 59, 30, tzinfo=UTC))  # 11:59 pm of May 31
    world.enrol(at=datetime(2026, 6, 1, 5, 0, tzinfo=UTC))
    squash_all()
    days = CounterDay.objects.filter(column="entries").order_by("day")
    assert [(cell.day, cell.n) for cell in days] == [(date(2026, 5, 31), 1), (date(2026, 6, 1), 1)]
    months = CounterMonth.objects.filter(column="entries").order_by("month")
    assert [(cell.month, cell.n) for cell in months] == [(date(2026, 5, 1), 1), (date(2026, 6, 1), 1)]

    Account.objects.filter(pk=world.account.pk).update(timezone="America/New_York")
    assert [(cell.day, cell.n) for cell in days.all()] == [(date(2026, 6, 1), 2)]
    assert recount().differences == []


def test_passing_states_have_no_days(world: World) -> None:
    fill(world)
    squash_all()
    assert not CounterDay.objects.filter(column__in=counters.PASSING).exists()
    assert CounterDay.objects.filter(column="completed").exists()


def test_the_past_is_counted_once_while_the_product_runs(world: World) -> None:
    """Counters of the release before, baseline of deleted passages included, become those of this one."""
    with connection.cursor() as cursor:
        cursor.execute("drop function analytics_message_cells cascade")
        for statement in (*BEFORE, *OTHERS):
            cursor.execute(statement)
    fill(world)
    counters.squash(limit=100)
    baseline = {"campaign_id": world.campaign.pk, "node_key": "first_text", "minute": later(0)}
    CounterBaseline.objects.create(column="text_delivered", n=3, **baseline)
    CounterBaseline.objects.create(column="text_failed", n=1, **baseline)
    with connection.cursor() as cursor:
        cursor.execute(
            'insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)'
            ' select campaign_id, node_key, "column", minute, n from analytics_counterbaseline'
        )
        cursor.execute(
            "drop function analytics_message_cells(text, timestamptz, timestamptz, timestamptz, timestamptz)"
        )
        for statement in NOW:
            cursor.execute(statement)
    CounterDay.objects.all().delete()  # the release before kept none
    CounterMonth.objects.all().delete()
    for past in (status_counts, number_counts):
        CounterFill.objects.create(name=past.NAME, since=1)
    assert status_counts.pending()
    assert recount().differences == []  # of statuses and days it says nothing yet
    text = Message.objects.filter(state="queued").first()
    assert text is not None
    Message.objects.filter(pk=text.pk).update(state="accepted", state_at=later(50), accepted_at=later(50))

    assert count_statuses() == count_senders() == len(world.campaigns)
    assert not status_counts.pending()
    assert recount().differences == []
    squash_all()
    assert recount().differences == []
    found = counters.totals([world.campaign.pk])
    assert not [column for _, _, column in found if column.startswith("text_")]
    delivered = metrics.rows_behind(world.campaign, "first_text", "delivered").count()
    assert found[world.campaign.pk, "first_text", "text:delivered"] == delivered + 3


def test_the_past_waits_until_older_transactions_are_over(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()::text::numeric")
        CounterFill.objects.create(name=status_counts.NAME, since=cursor.fetchone()[0])
    assert count_statuses() == 0  # our own is not over
    assert status_counts.pending()


def test_days_made_twice_are_the_same(world: World) -> None:
    fill(world)
    rollups.make_days([campaign.pk for campaign in world.campaigns])
    squash_all()
    assert recount().differences == []
