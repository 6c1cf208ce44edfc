"""What each number sent: kept as it happens, counted once for the time before, and the same as its texts."""

import pytest
from django.db import connection
from django.utils import timezone

from analytics import counters, list_counts, number_counts, rows
from analytics.models import CounterFill
from analytics.recount import recount
from analytics.tasks import count_senders
from conversations.models import Message
from tests.analytics.test_metrics import fill
from tests.analytics.world import World, build, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    made = build()
    fill(made)
    return made


def told(world: World) -> list[int]:
    """Sent by the number, as each campaign's page says; as many as its list has."""
    found = []
    for campaign in world.campaigns:
        (line,) = number_counts.of_campaign(campaign, now=timezone.now())
        column = f"{number_counts.SENT}:{world.number.pk}"
        assert line.sent.part == rows.behind(campaign, None, column).count()
        assert list_counts.of_campaign(campaign, None, column) in (line.sent.part, None)
        found.append(line.sent.part)
    return found


def test_a_text_counts_at_its_number_when_the_carrier_takes_it(world: World) -> None:
    before = told(world)
    assert all(before)
    waiting = Message.objects.filter(state="queued", lane=world.campaign.lane_id).earliest("pk")
    Message.objects.filter(pk=waiting.pk).update(state="calling", state_at=later(90))
    assert told(world) == before
    Message.objects.filter(pk=waiting.pk).update(state="accepted", accepted_at=later(91), state_at=later(91))
    assert told(world) == [before[0] + 1, before[1]]
    Message.objects.filter(pk=waiting.pk).update(state="delivered", state_at=later(92))
    assert told(world) == [before[0] + 1, before[1]]
    assert recount().differences == []
    while counters.squash():
        pass
    assert told(world) == [before[0] + 1, before[1]]
    assert recount().differences == []


def test_what_left_before_it_was_counted_is_counted_once(world: World) -> None:
    """Until then the page counts the texts, and the recount says nothing of it."""
    before = told(world)
    with connection.cursor() as cursor:
        for level in ("delta", "total", "minute", "hour", "day", "month"):
            cursor.execute(f"""delete from analytics_counter{level} where "column" like 'sent_from:%'""")
    assert recount().differences and told_by_counters(world) == 0
    CounterFill.objects.create(name=number_counts.NAME, since=1)
    assert recount().differences == []
    assert told(world) == before
    assert count_senders() == len(world.campaigns)
    assert not CounterFill.objects.exists()
    assert told(world) == before and told_by_counters(world) == sum(before)
    assert recount().differences == []
    CounterFill.objects.create(name=number_counts.NAME, since=1)
    assert count_senders() == len(world.campaigns)
    assert told(world) == before, "counted twice it is the same"


def told_by_counters(world: World) -> int:
    found = counters.totals([campaign.pk for campaign in world.campaigns])
    return sum(n for (_, _, column), n in found.items() if column.startswith(number_counts.SENT))
