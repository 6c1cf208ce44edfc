"""Recounts run by themselves at night, go on where a killed worker stopped, and say what differs."""

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts.models import Account, AuditEntry, Role
from analytics import attention, counters, health, recounting
from analytics.models import CounterHour, CounterMinute, CounterTotal, RecountRun
from analytics.tasks import recount_counters
from common import clock, sql
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import World, build

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 5, 6, 8, tzinfo=UTC)  # three in the morning in Chicago


@pytest.fixture
def world() -> World:
    world = build()
    world.touch()
    world.touch(campaign=world.add_campaign())
    counters.squash()
    return world


def spoil(world: World) -> None:
    CounterTotal.objects.filter(
        campaign_id=world.campaigns[1].pk, node_key="first_text", column="accepted"
    ).update(n=5)


def run_all() -> int:
    return recounting.go_on(clock=clock.now, more=lambda: True)


def test_each_account_is_counted_once_a_night_in_its_own_zone(world: World) -> None:
    Account.objects.create(name="Kolkata Cooling", slug="kolkata", timezone="Asia/Kolkata")  # 1:30 pm there
    assert recounting.begin_nightly(NIGHT) == 1
    assert recounting.begin_nightly(NIGHT + timedelta(hours=1)) == 0  # still to be done
    assert run_all() == 2
    run = RecountRun.objects.get()
    assert run.account == world.account and run.finished_at and run.campaigns == 2 and run.cells > 20
    assert run.differing == 0 and run.differences == []
    assert recounting.begin_nightly(NIGHT + timedelta(hours=1)) == 0
    assert recounting.begin_nightly(NIGHT + timedelta(hours=24)) == 1


def test_difference_is_kept_with_campaign_node_and_column(world: World) -> None:
    spoil(world)
    recounting.begin_nightly(NIGHT)
    run_all()
    run = recounting.latest(world.account)
    assert run is not None and run.differing == 1
    (found,) = recounting.found(run)
    assert (found.campaign, found.node, found.column) == (world.campaigns[1].name, "first_text", "Accepted")
    assert (found.counted, found.rows, found.level) == (5, 1, "in all")


def test_a_difference_of_every_level_is_told(world: World) -> None:
    """A lost minute is missing in its hour, day and month, too: the page says so instead of breaking."""
    CounterMinute.objects.filter(node_key="first_text", column="accepted").delete()
    call_command("rebuild_rollups")
    recounting.begin_nightly(NIGHT)
    run_all()
    run = recounting.latest(world.account)
    assert run is not None and run.differing == 2 * len(recounting.LEVELS)
    levels = [found.level for found in recounting.found(run)]
    assert levels == list(recounting.LEVELS.values()) * 2
    page = signed_in(make_member(world.account, Role.ADMIN)).get(reverse("analytics:recounts"))
    assert "10 counters differ" in page.content.decode() and "in one month" in page.content.decode()


def test_goes_on_after_the_campaign_a_killed_worker_came_to(world: World) -> None:
    recounting.begin_nightly(NIGHT)
    left = iter([True, False, False])
    assert recounting.go_on(clock=clock.now, more=lambda: next(left)) == 1
    run = RecountRun.objects.get()
    assert run.finished_at is None and run.campaigns == 1
    assert run_all() == 1
    run.refresh_from_db()
    assert run.finished_at is not None and run.campaigns == 2


def test_admin_counts_now_and_page_tells(world: World) -> None:
    spoil(world)
    admin = signed_in(make_member(world.account, Role.ADMIN))
    url = reverse("analytics:recounts")
    assert admin.post(url).status_code == 302 and admin.post(url).status_code == 302
    assert RecountRun.objects.count() == 1
    assert AuditEntry.objects.filter(verb="asked_recount").count() == 1
    assert recount_counters() == 2
    page = admin.get(url).content.decode()
    assert "1 counter differs from its rows" in page and world.campaigns[1].name in page
    csr = signed_in(make_member(world.account, Role.CSR))
    assert csr.get(url).status_code == 200 and csr.post(url).status_code == 403


def break_off(world: World, campaign: int) -> None:
    """Let comparing one campaign raise: no date of Python's is what one of its cells says."""
    cells = CounterHour.objects.filter(campaign_id=world.campaigns[campaign].pk).order_by("pk")
    sql.rows("update analytics_counterhour set hour = 'infinity' where id = %s returning 1", [cells[0].pk])


def test_a_campaign_that_cannot_be_compared_is_left_out_and_told(world: World) -> None:
    break_off(world, 0)
    recounting.begin_nightly(NIGHT)
    assert run_all() == 1
    run = RecountRun.objects.get()
    assert run.finished_at and run.campaigns == 1 and run.differing == 0
    (parked,) = recounting.parked(run)
    assert parked.campaign == world.campaigns[0].name and "too large" in parked.why
    (item,) = [each for each in attention.of(world.account, NIGHT, health.of(world.account, NIGHT))
               if each.key == "recount-parked"]  # fmt: skip
    assert world.campaigns[0].name in item.detail
    csr = signed_in(make_member(world.account, Role.CSR))
    page = unescape(csr.get(reverse("analytics:recounts")).content.decode())
    assert "1 campaign could not be compared" in page and parked.why in page
    assert "Every counter that was compared agrees" in page and "All agree" not in page


def test_a_campaign_that_ends_its_worker_each_time_is_left_out(world: World) -> None:
    """A process that ends in the middle leaves a try behind and no word."""
    recounting.begin_nightly(NIGHT)
    RecountRun.objects.update(tries=recounting.MOST_TRIES)
    assert run_all() == 1
    run = RecountRun.objects.get()
    assert run.parked == [[world.campaigns[0].pk, recounting.KILLED]] and run.tries == 0
