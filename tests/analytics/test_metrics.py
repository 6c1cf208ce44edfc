"""What the numbers are, that they agree with each other, and that each opens exactly its rows."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from analytics import attribution, counters, metrics, rows
from campaigns.models import Campaign, Enrollment, Node, Step, WorkflowVersion
from conversations.models import Message
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db
STATES = ["scheduled", "queued", "waiting", "completed", "failed", "skipped"]


@pytest.fixture
def world() -> World:
    return build()


def node_table(campaign: Campaign) -> list[metrics.NodeRow]:
    """The nodes of a campaign with their figures now."""
    return metrics.node_rows(campaign, counters.totals([campaign.pk]))


def fill(world: World, seed: int = 1) -> None:
    """Two campaigns with steps in every state, texts at every stage, exits, exclusions and bookings."""
    random = Random(seed)
    world.add_campaign()
    for n in range(40):
        campaign = random.choice(world.campaigns)
        enrollment = world.enrol(campaign=campaign, at=later(n))
        for key in random.sample(sorted(world.nodes), 3):
            step = world.step(enrollment, key, random.choice(STATES), later(n + 1))
            if world.nodes[key].kind == "send_sms":
                text = world.text(
                    step, random.choice(["queued", "accepted", "delivered", "failed"]), later(n + 2)
                )
                if text.state != "queued":
                    taken = random.random() < 0.8 or text.state == "delivered"  # nothing arrives unaccepted
                    Message.objects.filter(pk=text.pk).update(
                        accepted_at=later(n + 2) if taken else None,
                        replied_at=later(n + 9) if random.random() < 0.4 else None,
                        opted_out_at=later(n + 9) if random.random() < 0.1 else None,
                    )
        if random.random() < 0.4:
            Enrollment.objects.filter(pk=enrollment.pk).update(
                state="ended", ended_at=later(n + 20), ended_reason=random.choice(["finished", "opted_out"])
            )
        if random.random() < 0.3:
            step = world.touch(world.add_contact(), campaign)
            job = world.job(world.book(step), at=later(30), status=random.choice(["Scheduled", "Canceled"]))
            attribution.credit([job.pk])
        elif random.random() < 0.2:
            world.book(step, converted=False)
        if random.random() < 0.3:
            world.exclude(random.choice(["no_address", "opted_out"]))
        if random.random() < 0.2:
            counters.squash(limit=random.randrange(1, 60))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_entered_is_the_sum_of_the_states(world: World, seed: int) -> None:
    fill(world, seed)
    for campaign in world.campaigns:
        table = node_table(campaign)
        assert [row.key for row in table] == list(world.nodes)
        assert sum(row.entered for row in table) > 20
        for row in table:
            assert row.entered == sum(getattr(row, state) for state in STATES)
            assert row.accepted >= row.delivered + row.undelivered or row.kind != "send_sms"


@pytest.mark.parametrize("seed", [1, 2])
def test_every_number_of_a_campaign_opens_exactly_its_rows(world: World, seed: int) -> None:
    fill(world, seed)
    opened: set[str] = set()
    for campaign in world.campaigns:
        table = node_table(campaign)
        for name, metric in metrics.NODE_METRICS.items():
            if metric.over:
                continue
            for row in table:
                assert metrics.rows_behind(campaign, row.key, name).count() == getattr(row, name), name
            everywhere = sum(getattr(row, name) for row in table)
            assert metrics.rows_behind(campaign, None, name).count() == everywhere
        whole = {column: n for (_, key, column), n in counters.totals([campaign.pk]).items() if not key}
        opened |= set(whole)
        for column, n in whole.items():
            assert metrics.rows_behind(campaign, None, column).count() == n, column
    assert {"entries", "active", "exits:opted_out", "excluded:no_address", "audience"} <= opened


@pytest.mark.parametrize("seed", [1, 2])
def test_tiles_equal_the_columns_they_name(world: World, seed: int) -> None:
    fill(world, seed)
    stranger = build()
    fill(stranger, 7)
    tiles = metrics.tiles(world.account, now=later(60))
    tables = [row for campaign in world.campaigns for row in node_table(campaign)]
    texts = [row for row in tables if row.kind == "send_sms"]
    assert tiles.waiting_texts == sum(row.queued + row.waiting for row in texts) > 0
    assert tiles.scheduled == sum(row.scheduled for row in tables) > 0
    assert tiles.total_texts == sum(row.accepted for row in texts) > 0
    assert tiles.jobs_booked == sum(row.booked for row in tables) > tiles.jobs_cancelled > 0
    assert tiles.waiting_calls == tiles.total_calls == 0
    assert tiles.completed_today == sum(row.completed for row in texts) > 0
    assert tiles.audience_count == Enrollment.objects.filter(campaign__account=world.account).count()
    assert tiles.booking_rate == metrics.Rate(tiles.jobs_booked, tiles.audience_count)
    assert tiles.jobs_pending > 0


def test_every_tile_opens_exactly_its_rows(world: World) -> None:
    fill(world)
    fill(build(), 7)
    tiles = asdict(metrics.tiles(world.account, now=later(60)))
    tiles["booking_rate"] = tiles["booking_rate"]["part"]
    del tiles["day"]
    for amount, rows_of in (("revenue_cents", "revenue"), ("influenced_cents", "jobs_influenced")):
        behind = metrics.rows_behind_tile(world.account, rows_of, now=later(60))
        assert sum(row.revenue_cents for row in behind) == tiles.pop(amount)
    assert set(metrics.TILE_METRICS) < set(tiles)
    for name, figure in tiles.items():
        assert len(metrics.rows_behind_tile(world.account, name, now=later(60))) == figure, name


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Kolkata", "America/St_Johns"])
def test_completed_today_begins_at_midnight_of_the_account(zone: str, folded: bool) -> None:
    world = build(zone)
    now = datetime(2026, 5, 5, 16, 20, tzinfo=UTC)
    begin = metrics.midnight(world.account, now)
    instants = [
        begin - timedelta(seconds=1),
        begin,
        begin + timedelta(minutes=29),
        begin + timedelta(hours=3),
    ]
    for at in instants:
        world.step(world.enrol(at=NOON - timedelta(days=2)), state="completed", at=at)
    world.step(world.enrol(), "reply", "completed", now)  # no touch
    if folded:
        counters.squash()
    assert metrics.tiles(world.account, now=now).completed_today == 3
    assert metrics.rows_behind_tile(world.account, "completed_today", now=now).count() == 3


def test_tiles_are_read_in_one_statement(world: World, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        read = metrics.tiles(world.account)
    assert read.total_texts == read.jobs_booked == 0


def test_node_of_an_older_version_stays_in_the_table(world: World) -> None:
    world.touch(key="second_text")
    version = WorkflowVersion.objects.create(workflow=world.version.workflow, number=2)
    Node.objects.create(version=version, key="first_text", kind="send_sms", name="New words", position=0)
    world.campaign.version = version
    world.campaign.save()
    table = node_table(world.campaign)
    assert [(row.key, row.name, row.present) for row in table] == [
        ("first_text", "New words", True),
        ("second_text", "second text", False),
    ]
    assert table[1].accepted == metrics.tiles(world.account).total_texts == 1


def test_booking_rate_counts_contacts_once(world: World) -> None:
    contact = world.add_contact()
    first = world.touch(contact)
    Enrollment.objects.update(state="ended", ended_at=later(1), ended_reason="finished")
    world.touch(contact, at=later(2))
    world.touch()
    for minutes in (1, 3):
        attribution.credit([world.job(world.book(first), at=later(minutes)).pk])
    assert metrics.booking_rate(world.campaign, "first_text") == metrics.Rate(1, 2)
    assert metrics.tiles(world.account).jobs_booked == 2


def test_reply_rate_shows_its_fraction(world: World) -> None:
    for _ in range(8):
        world.touch()
    Message.objects.filter(pk=Message.objects.first().pk).update(replied_at=later(3))  # type: ignore[union-attr]
    rate = node_table(world.campaign)[0].reply_rate
    assert (rate.part, rate.whole, rate.percent) == (1, 8, "12.5%")
    assert metrics.Rate(0, 0).percent == "—"


def test_unknown_column_has_no_rows(world: World) -> None:
    for column in ("nonsense", "entries:finished", "completed:finished", ""):
        with pytest.raises(rows.UnknownColumn):
            metrics.rows_behind(world.campaign, None, column)
    with pytest.raises(rows.UnknownColumn):
        metrics.rows_behind_tile(world.account, "nonsense")


def test_version_token_changes_with_any_figure(world: World) -> None:
    before = metrics.version_token(node_table(world.campaign), "csr")
    assert metrics.version_token(node_table(world.campaign), "csr") == before
    assert metrics.version_token(node_table(world.campaign), "admin") != before
    step = world.step(world.enrol())
    after = metrics.version_token(node_table(world.campaign), "csr")
    Step.objects.filter(pk=step.pk).update(state="queued", due_at=None)
    assert len({before, after, metrics.version_token(node_table(world.campaign), "csr")}) == 3
