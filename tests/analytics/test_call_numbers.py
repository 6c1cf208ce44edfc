"""Every number of calls, wherever it is shown, against plain Python over the raw rows and its own list."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import Account, BusinessUnit, User
from analytics import counters, day_curve, list_counts, metrics, scope, tile_lists, volume
from analytics.downloads import columns, statements
from analytics.metrics import sending
from analytics.recount import recount
from analytics.sending import figures, rows, series
from analytics.sending.selection import Selection
from campaigns.models import Campaign, Playbook, Step
from conversations.models import Call, PlannedCall
from tests import factories
from tests.analytics.test_sending import DAYS, local, page, span
from tests.analytics.world import World, build

OUTCOMES = ("answered", "voicemail", "no_answer", "busy", "booked", "call_back")
OPEN = ("queued", "taken", "calling", "unknown")
OVER = ("failed", "rejected", "expired", "cancelled")
CALL_METRICS = tuple(
    name for name, metric in metrics.NODE_METRICS.items()
    if not metric.over and all(column.startswith("call:") for column in metric.columns)
)  # fmt: skip
CALL_TILES = ("waiting_calls", "completed_today", "total_calls", "scheduled")
CALL_RANGES = ("range_calls", "range_call_optouts")
CALL_FIGURES = tuple(name for name in sending.SENDING_METRICS if name.startswith("call:"))


def moment(random: Random) -> datetime:
    """Some second of one of the days around both changes of the clocks, more often at edges."""
    start = random.choice(DAYS).replace(tzinfo=local("2026-01-01").tzinfo).astimezone(UTC)
    minute = random.choice([0, 10, 59, random.randrange(60)])
    second = random.choice([0, 1, 59, random.randrange(60)])
    return start + timedelta(hours=random.randrange(30), minutes=minute, seconds=second)


def later_than(random: Random, at: datetime, most: int = 400) -> datetime:
    return at + timedelta(
        minutes=random.randrange(most), seconds=random.choice([0, 59, random.randrange(60)])
    )


def calling_world(random: Random) -> World:
    """Two campaigns of one workflow with two call nodes, one in a playbook, one aimed at a business unit."""
    world = build()
    Account.objects.filter(pk=world.account.pk).update(timezone="America/Chicago")
    world.account.refresh_from_db()
    world.add_call_node()
    world.add_call_node("second_call")
    other = world.add_campaign()
    unit = BusinessUnit.objects.create(account=world.account, servicetitan_id=7, name="Plumbing")
    playbook = Playbook.objects.create(account=world.account, name="Fall")
    Campaign.objects.filter(pk=other.pk).update(targeting={"business_units": [unit.pk]})
    Campaign.objects.filter(pk=world.campaign.pk).update(playbook=playbook)
    agent = factories.make_user(world.account)
    for _ in range(16):
        _one(world, random, agent)
        if random.random() < 0.15:
            counters.squash(limit=random.randrange(1, 60))
    return world


def _one(world: World, random: Random, agent: User) -> None:
    """Somebody at a call node: planned, perhaps tried, perhaps over; at any time whatever."""
    at = moment(random)
    enrollment = world.enrol(campaign=random.choice(world.campaigns), at=at)
    key = random.choice(["call", "call", "second_call"])
    step = world.step(enrollment, key, random.choice(list(Step.State.values)), at)
    Step.objects.filter(pk=step.pk).update(state_at=later_than(random, at))
    if random.random() < 0.15:
        return
    state = random.choice([*OPEN, *OVER, *["called"] * 6])
    held = {"taken_by": agent} if state == "taken" else {}
    planned = world.planned(step, state, at, random.choice(OUTCOMES) if state == "called" else "", **held)
    PlannedCall.objects.filter(pk=planned.pk).update(
        state_at=later_than(random, at),
        opted_out_at=later_than(random, at) if random.random() < 0.2 else None,
    )
    for _ in range(random.choice([0, 1, 1, 2, 3])):
        tried = later_than(random, at)
        call = world.tried(planned, tried, state=random.choice(["completed", "busy", "no_answer", "failed"]))
        if random.random() < 0.25:
            Call.objects.filter(pk=call.pk).update(abandoned_at=later_than(random, tried, 5))
        if random.random() < 0.15:
            Call.objects.filter(pk=call.pk).update(state="refused")


def status(planned: PlannedCall) -> str:
    if planned.state in OPEN:
        return "pending"
    return "sent" if planned.state == "called" else planned.state


def raw(world: World, selection: Selection, node: str | None = None) -> Counter[str]:
    """Every figure of calls again, in plain Python, from all rows one by one."""

    def inside(at: datetime | None) -> bool:
        return at is not None and (
            selection.since is None or selection.until is None or selection.since <= at < selection.until
        )

    chosen = set(selection.campaigns(world.account).values_list("pk", flat=True))
    found: Counter[str] = Counter()
    steps = {f"step:{step.pk}": step for step in Step.objects.select_related("node")}
    for planned in PlannedCall.objects.filter(origin__startswith="step:").prefetch_related("calls"):
        step = steps[planned.origin or ""]
        if step.campaign_id not in chosen or (node is not None and step.node.key != node):
            continue
        if inside(planned.created_at if planned.state in OPEN else planned.state_at):
            found["call:planned"] += 1
            found[f"call:{status(planned)}"] += 1
            if planned.state == "called":
                found[f"call:{planned.outcome}"] += 1
                found["call:spoken"] += planned.outcome in ("answered", "booked", "call_back")
        found["call:reached"] += inside(planned.first_accepted_at)
        found["call:optouts"] += inside(planned.opted_out_at)
        for call in planned.calls.all():
            counts = call.state != "refused"
            found["call:accepted"] += counts and inside(call.accepted_at)
            found["call:abandoned"] += counts and inside(call.abandoned_at)
    return found


def told(shown: figures.Sending) -> dict[str, int]:
    """Every figure of calls on Assignments & Sending."""
    (channel,) = (channel for channel in shown.channels if channel.name == "call")
    every = (channel.planned, *channel.statuses, *channel.told, *channel.beside)
    return {figure.metric.name: figure.n for figure in every}


def selections(world: World, random: Random) -> list[Selection]:
    """All time and some ranges, with every filter."""
    unit = BusinessUnit.objects.get(account=world.account)
    playbook = Playbook.objects.get(account=world.account)
    narrowed = [
        {}, {"unit": unit.pk}, {"playbook": playbook.pk}, {"campaign": world.campaigns[1].pk},
        {"unit": unit.pk, "playbook": playbook.pk},
    ]  # fmt: skip
    found = [Selection(**each) for each in narrowed]
    for each in narrowed:
        since = moment(random).replace(second=0)
        until = since + timedelta(minutes=random.choice([1, 11, 60, 90, 24 * 60, 26 * 60, 40_000, 500_000]))
        found.append(Selection(**each, since=since, until=until))
    return found


class EveryNumber(TestCase):
    """All metrics of calls × ranges × filters: the figure, its list, its count, and the rows themselves."""

    @settings(max_examples=2, phases=[Phase.generate])  # a seed has no smaller one
    @given(st.integers(0, 2**32))
    def test_assignments_and_sending(self, seed: int) -> None:
        random = Random(seed)
        world = calling_world(random)
        for selection in selections(world, random):
            by = random.choice(["", "hour", "day", "week"])
            grouping = series.grouping(by, selection.since, selection.until)
            shown, expected = figures.of(world.account, selection, grouping), raw(world, selection)
            found = told(shown)
            assert {name: n for name, n in found.items() if n} == {
                name: n for name, n in expected.items() if n and name != "call:spoken"
            }
            for name in CALL_FIGURES:
                behind = rows.behind(world.account, selection, name).count()
                assert behind == figures.count(world.account, selection, name) == expected[name], name
            assert sum(found[f"call:{each}"] for each in sending.OUTCOMES) == found["call:sent"]
            assert sum(found[f"call:{each}"] for each in sending.EXCLUSIVE) == found["call:planned"]
            self.buckets_add_up(world, selection, shown, expected)

    def buckets_add_up(
        self, world: World, selection: Selection, shown: figures.Sending, expected: Counter[str]
    ) -> None:
        """Of each figure of the table; and each busy bucket opens its own rows."""
        for name, _, _ in series.FIGURES:
            if name.startswith("call:"):
                assert sum(bucket.counts[name] for bucket in shown.series.buckets) == expected[name], name
        for bucket in shown.series.busy[:4]:
            part = Selection(
                selection.playbook, selection.campaign, selection.unit, bucket.since, bucket.until
            )
            for name, n in bucket.counts.items():
                assert rows.behind(world.account, part, name).count() == n, (name, bucket.label)

    @settings(max_examples=2, phases=[Phase.generate])  # a seed has no smaller one
    @given(st.integers(0, 2**32))
    def test_campaigns_and_their_nodes(self, seed: int) -> None:
        world = calling_world(Random(seed))
        assert recount().differences == []
        assert len(CALL_METRICS) == 8
        renamed = {
            "called": "call:reached", "calls": "call:accepted", "spoken": "call:spoken",
            "call_optouts": "call:optouts",
        }  # fmt: skip
        for campaign in world.campaigns:
            lines = metrics.node_rows(campaign, counters.totals([campaign.pk]))
            chosen = Selection(campaign=campaign.pk)
            whole_of, each_of = raw(world, chosen), {line.key: raw(world, chosen, line.key) for line in lines}
            for name in CALL_METRICS:
                column = renamed.get(name, f"call:{name}")
                for line in lines:
                    n = getattr(line, name)
                    assert n == each_of[line.key][column], (name, line.key)
                    assert n == metrics.rows_behind(campaign, line.key, name).count()
                    assert n == list_counts.of_campaign(campaign, line.key, name)
                whole = sum(getattr(line, name) for line in lines)
                assert whole == metrics.rows_behind(campaign, None, name).count() == whole_of[column], name
                assert whole == list_counts.of_campaign(campaign, None, name)
            bars = volume.of_campaign(campaign).bars  # the latest of them, for who ran so long
            made = sum(n for bar in bars for column, _, n in bar.figures if column == "calls")
            shown = Selection(campaign=campaign.pk, since=bars[0].since, until=bars[-1].until)
            assert made == raw(world, shown)["call:accepted"]

    @settings(max_examples=2, phases=[Phase.generate])  # a seed has no smaller one
    @given(st.integers(0, 2**32))
    def test_the_dashboard(self, seed: int) -> None:
        random = Random(seed)
        world = calling_world(random)
        unit = BusinessUnit.objects.get(account=world.account)
        for asked in ({}, {"unit": str(unit.pk)}):
            now = moment(random)
            looked = scope.of(world.account, asked, now)
            shown = metrics.tiles(world.account, now, looked.campaigns)
            chosen = Selection(unit=unit.pk if asked else None)
            for tile in CALL_TILES:
                n = getattr(shown, tile)
                assert tile_lists.of(world.account, tile, asked, now).rows.count() == n, tile
                assert list_counts.of_tile(world.account, tile, asked, now) == n, tile
            assert shown.total_calls == raw(world, chosen)["call:accepted"]
            self.curve_opens_its_hours(world, asked, now, looked)
            first, last = sorted(random.choices(DAYS, k=2))
            days = {"from": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}", **asked}
            span_of = scope.of(world.account, days, now)
            assert not span_of.wrong
            ranged = metrics.ranged(world.account, span_of.start, span_of.end, span_of.campaigns)
            for each in ranged:
                name = each.metric.name
                assert tile_lists.of(world.account, name, days, now).rows.count() == each.n, name
                assert list_counts.of_tile(world.account, name, days, now) == each.n
            inside = Selection(
                unit=chosen.unit, since=span_of.start.astimezone(UTC), until=span_of.end.astimezone(UTC)
            )
            expected = raw(world, inside)
            named = {each.metric.name: each.n for each in ranged}
            assert named["range_calls"] == expected["call:accepted"]
            assert named["range_call_optouts"] == expected["call:optouts"]

    def curve_opens_its_hours(
        self, world: World, asked: dict[str, str], now: datetime, looked: scope.Scope
    ) -> None:
        """Each hour of today's calls, however many hours today has."""
        day = day_curve.of_account(world.account, now, looked.campaigns)
        (curve,) = (each for each in day.curves if each.name == "calls_today")
        assert tile_lists.of(world.account, "calls_today", asked, now).rows.count() == curve.total
        for hour in curve.hours:
            one = asked | {"hour": str(hour.index)}
            assert tile_lists.of(world.account, "calls_today", one, now).rows.count() == hour.n
            assert list_counts.of_tile(world.account, "calls_today", one, now) == hour.n


@pytest.fixture
def world(db: None) -> World:
    world = build()
    Account.objects.filter(pk=world.account.pk).update(timezone="America/Chicago")
    world.account.refresh_from_db()
    world.add_call_node()
    return world


def called(world: World, at: datetime, outcome: str = "answered") -> PlannedCall:
    """Somebody who was called, with everything that counts at this one instant."""
    step = world.called(at=at.astimezone(UTC), outcome=outcome)
    planned = PlannedCall.objects.get(origin=f"step:{step.pk}")
    PlannedCall.objects.filter(pk=planned.pk).update(opted_out_at=at)
    Call.objects.filter(planned=planned).update(abandoned_at=at)
    return planned


@pytest.mark.parametrize("folded", [False, True])
def test_a_call_at_a_quarter_past_three_is_not_in_three_to_ten_past(world: World, folded: bool) -> None:
    for clock in ("14:59:59", "15:00:00", "15:10:59", "15:11:00", "15:15:00"):
        called(world, local(f"2026-11-22T{clock}"))
    if folded:
        counters.squash()
    asked = span("2026-11-22T15:00", "2026-11-22T15:10")
    found = told(page(world, asked))
    for name in ("planned", "sent", "answered", "reached", "accepted", "abandoned", "optouts"):
        assert found[f"call:{name}"] == 2, name
        assert rows.behind(world.account, asked, f"call:{name}").count() == 2, name


@pytest.mark.parametrize(
    ("first", "last", "n"),
    [
        ("2026-11-01T01:00", "2026-11-01T01:59", 4),  # comes twice: both are in
        ("2026-11-01T00:00", "2026-11-01T23:59", 4),  # a day of 25 hours
        ("2026-11-01T02:00", "2026-11-01T02:59", 0),
        ("2026-11-01T00:00", "2026-11-01T00:59", 0),
    ],
)
def test_the_hour_that_comes_twice(world: World, first: str, last: str, n: int) -> None:
    for fold in (0, 1):
        for minute in (0, 59):
            at = local(f"2026-11-01T01:{minute:02}").replace(fold=fold)
            called(world, at)
    found = page(world, span(first, last), "hour")
    assert told(found)["call:accepted"] == n
    assert sum(bucket.counts["call:accepted"] for bucket in found.series.buckets) == n


def test_undo_of_a_moved_outcome_leaves_the_sum(world: World) -> None:
    planned = called(world, local("2026-11-22T15:00"))
    asked = span("2026-11-22T15:00", "2026-11-22T15:00")
    for state, outcome in (("queued", ""), ("called", "booked"), ("failed", ""), ("called", "voicemail")):
        due = {"due_at": planned.created_at if state == "queued" else None}
        PlannedCall.objects.filter(pk=planned.pk).update(state=state, outcome=outcome, **due)
        found = told(page(world, asked))
        assert found["call:planned"] == 1 and found["call:reached"] == 1
        assert found["call:sent"] == sum(found[f"call:{each}"] for each in OUTCOMES) == bool(outcome)
        assert recount().differences == []


@pytest.mark.parametrize("figure", CALL_FIGURES)
def test_every_figure_of_calls_is_a_file(world: World, figure: str) -> None:
    called(world, local("2026-11-22T15:00"))
    found = rows.behind(world.account, Selection(), figure)
    named: dict[str, Any] = statements.values(columns.OF[found.model])
    assert found.model._base_manager.annotate(**named).values(*named).first() is not None
