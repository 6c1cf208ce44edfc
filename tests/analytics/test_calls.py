"""Calls in the counters: every life of a planned call and its tries, against the rows themselves."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from analytics import counters, list_counts, listing, metrics
from analytics.downloads import columns, statements
from analytics.models import CounterDelta
from analytics.recount import recount
from analytics.sending import figures, rows, series
from analytics.sending.selection import Selection
from campaigns.models import Enrollment, Step
from conversations.models import Call, PlannedCall
from tests import factories
from tests.analytics.world import NOON, World, build, later

OUTCOMES = ("answered", "voicemail", "no_answer", "busy", "booked", "call_back")
OVER = ("failed", "rejected", "expired", "cancelled")


@pytest.fixture
def world(db: None) -> World:
    world = build()
    world.add_call_node()
    return world


def counted(world: World) -> dict[tuple[str, str], int]:
    return {(key, column): n for (_, key, column), n in counters.totals([world.campaign.pk]).items()}


def planned_call(world: World, state: str = "queued", at: datetime = NOON, **values: Any) -> PlannedCall:
    return world.planned(world.step(world.enrol(at=at), "call", "queued", at), state, at, **values)


def test_a_call_counts_at_its_own_minutes(world: World) -> None:
    planned = planned_call(world)
    world.tried(planned, later(2), state="in_progress")
    PlannedCall.objects.filter(pk=planned.pk).update(
        state="called", state_at=later(5), outcome="booked", due_at=None, opted_out_at=later(4)
    )
    Call.objects.update(state="completed", abandoned_at=later(3))
    found = Counter[tuple[str, datetime]]()
    for delta in CounterDelta.objects.filter(column__startswith="call:"):
        assert delta.node_key == "call"
        found[delta.column, delta.minute] += delta.n
    minutes = {column: minute.minute for (column, minute), n in found.items() if n}
    assert minutes == {
        "call:reached": 2, "call:accepted": 2, "call:abandoned": 3, "call:optouts": 4, "call:sent": 5,
        "call:booked": 5,
    }  # fmt: skip
    assert recount().differences == []


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (PlannedCall, {"due_at": later(30), "state_at": later(9), "reason": "window", "tries": 1}),
        (PlannedCall, {"state": "calling", "state_at": later(1)}),
        (PlannedCall, {"state": "unknown", "state_at": later(2)}),
        (PlannedCall, {"state": F("state")}),
        (Call, {"state": "ringing", "state_at": later(1), "sequence": 2}),
        (Call, {"answered_at": later(1), "connected_at": later(1), "seconds": 8, "note": "Later"}),
        (Call, {"state": "unknown"}),
    ],
)
def test_what_changes_nothing_counted_appends_nothing(
    world: World, model: Any, change: dict[str, Any]
) -> None:
    for _ in range(3):
        world.tried(planned_call(world), state="accepted")
    before = CounterDelta.objects.count()
    assert model.objects.update(**change) == 3
    assert CounterDelta.objects.count() == before > 0
    assert recount().differences == []


def test_a_batch_appends_one_row_a_cell(world: World) -> None:
    for _ in range(20):
        planned_call(world)
    before = CounterDelta.objects.count()
    PlannedCall.objects.update(state="called", state_at=later(3), outcome="busy", due_at=None)
    assert CounterDelta.objects.count() - before == 3  # less pending, more called, more busy
    assert recount().differences == []


def test_calls_of_no_campaign_are_not_counted(world: World) -> None:
    planned = planned_call(world)
    before = CounterDelta.objects.count()
    number = {"account": world.account, "number": world.number, "address_id": planned.address_id}
    own = PlannedCall.objects.create(
        **number, lane=planned.lane, contact_id=planned.contact_id, kind="agent", mode="person",
        origin="callback:7", state="queued", due_at=NOON,
    )  # fmt: skip
    world.tried(own)
    PlannedCall.objects.filter(pk=own.pk).update(state="called", outcome="answered", due_at=None)
    Call.objects.create(**number, direction="in", state="completed", accepted_at=NOON)
    assert CounterDelta.objects.count() == before
    own.delete()
    assert CounterDelta.objects.count() == before
    assert recount().differences == []


def test_a_refused_try_never_counts(world: World) -> None:
    planned = planned_call(world)
    call = world.tried(planned)
    assert counted(world)["call", "call:accepted"] == 1
    Call.objects.filter(pk=call.pk).update(state="refused")
    assert ("call", "call:accepted") not in counted(world)
    assert recount().differences == []


@pytest.mark.parametrize("order", ["step planned call", "planned call step", "call planned step"])
def test_deleted_rows_leave_no_count_whatever_goes_first(world: World, order: str) -> None:
    step = world.called()
    tables = {
        "step": "campaigns_step", "planned": "conversations_plannedcall", "call": "conversations_call",
    }  # fmt: skip
    assert counted(world)["call", "call:accepted"] == 1
    with connection.cursor() as cursor:
        for name in order.split():
            cursor.execute(f"delete from {tables[name]}")
            assert recount().differences == []
    Enrollment.objects.filter(pk=step.enrollment_id).delete()
    assert counted(world) == {}


def test_a_contact_deleted_takes_its_calls_along(world: World) -> None:
    step = world.called()
    world.called()
    step.enrollment.contact.delete()
    assert counted(world)["call", "call:accepted"] == counted(world)["call", "call:answered"] == 1
    assert recount().differences == []


def test_a_step_moved_to_another_key_takes_its_call_along(world: World) -> None:
    world.add_call_node("second_call")
    step, other = world.called(), world.called(outcome="busy")
    Step.objects.filter(pk=step.pk).update(node=world.nodes["second_call"])
    assert (
        counted(world)["second_call", "call:answered"] == counted(world)["second_call", "call:accepted"] == 1
    )
    assert ("call", "call:answered") not in counted(world)
    assert recount().differences == []
    PlannedCall.objects.filter(origin=f"step:{step.pk}").update(origin=None)
    PlannedCall.objects.filter(origin=f"step:{other.pk}").update(origin=f"step:{step.pk}")
    assert counted(world)["second_call", "call:busy"] == counted(world)["second_call", "call:accepted"] == 1
    assert recount().differences == []


def live(world: World, random: Random, agent: User, planned: list[PlannedCall], turn: int) -> None:
    """Something that may befall a planned call, or all of them."""
    at = later(turn) + timedelta(seconds=random.randrange(60))
    one = random.choice(planned)
    mine = PlannedCall.objects.filter(pk=one.pk)
    calls = Call.objects.filter(planned=one)
    match random.randrange(14):
        case 0 | 1:
            open_again = {"outcome": "", "taken_by": None, "taken_until": None}
            mine.update(state="queued", state_at=at, due_at=at + timedelta(hours=4), **open_again)
        case 2:
            mine.update(state="taken", state_at=at, due_at=at, outcome="", taken_by=agent, taken_until=at)
        case 3 if not calls.filter(state__in=Call.LIVE).exists():
            one.refresh_from_db()
            state = random.choice(["accepted", "ringing", "completed"])
            number = (calls.order_by("-try_number").values_list("try_number", flat=True).first() or 0) + 1
            world.tried(one, at, state=state, try_number=number)
        case 4:
            calls.update(state="completed", state_at=at, answered_at=at, seconds=random.randrange(90))
        case 5:
            calls.update(abandoned_at=at)
        case 6:
            calls.filter(try_number=1).exclude(state__in=Call.LIVE).update(state="refused")
        case 7 | 8 | 9:
            mine.update(state="called", state_at=at, outcome=random.choice(OUTCOMES), due_at=None)
        case 10:
            mine.update(state=random.choice(OVER), state_at=at, outcome="", due_at=None)
        case 11:
            mine.update(opted_out_at=None if random.random() < 0.3 else at)
        case 12:
            PlannedCall.objects.filter(state="queued").update(state="calling", state_at=at)
        case 13:
            if random.random() < 0.5:
                step = Step.objects.filter(pk=int((one.origin or "")[5:]))
                step.update(node=random.choice([world.nodes["call"], world.nodes["second_call"]]))
            else:
                counters.squash(limit=random.randrange(1, 30))


class RandomLives(TestCase):
    """Counters equal recount, and lists their figures, whatever befalls calls in whatever order."""

    @settings(max_examples=12)
    @given(st.integers(0, 2**32), st.integers(15, 60))
    def test_counters_equal_recount(self, seed: int, turns: int) -> None:
        random, world = Random(seed), build()
        world.add_call_node()
        world.add_call_node("second_call")
        agent = factories.make_user(world.account)
        planned = [planned_call(world) for _ in range(4)]
        for turn in range(turns):
            with transaction.atomic():
                live(world, random, agent, planned, turn)
        assert recount([world.campaign.pk]).differences == []
        counters.squash()
        assert recount([world.campaign.pk]).differences == []
        everywhere = metrics.node_rows(world.campaign, counters.totals([world.campaign.pk]))
        for name in (
            "called",
            "calls",
            "spoken",
            "voicemail",
            "no_answer",
            "busy",
            "abandoned",
            "call_optouts",
        ):
            for key in ("call", "second_call"):
                n = next(getattr(row, name) for row in everywhere if row.key == key)
                assert metrics.rows_behind(world.campaign, key, name).count() == n, name
                assert list_counts.of_campaign(world.campaign, key, name) == n, name
            behind = metrics.rows_behind(world.campaign, None, name)
            assert behind.count() == sum(getattr(row, name) for row in everywhere), name
        page = figures.of(world.account, Selection(), series.grouping("", None, None))
        calls = next(channel for channel in page.channels if channel.name == "call")
        assert calls.planned.n == sum(figure.n for figure in calls.statuses) == 4
        over = next(figure.n for figure in calls.statuses if figure.metric.name == "call:sent")
        assert sum(figure.n for figure in calls.told) == over
        for figure in (calls.planned, *calls.statuses, *calls.told, *calls.beside):
            behind = rows.behind(world.account, Selection(), figure.metric.name)
            assert behind.count() == figure.n, figure.metric.name
        total = metrics.tiles(world.account).total_calls
        assert metrics.rows_behind_tile(world.account, "total_calls").count() == total


def test_figures_of_a_range_open_exactly_its_rows(world: World) -> None:
    for n, outcome in enumerate(OUTCOMES * 2):
        world.called(at=later(n * 7), outcome=outcome)
    for n, state in enumerate(("queued", *OVER)):
        planned_call(world, state, later(n * 5), opted_out_at=later(n * 9))
    Call.objects.filter(try_number=1, planned__outcome="busy").update(abandoned_at=later(33))
    asked = Selection(since=later(0).replace(second=0), until=later(40).replace(second=0))
    page = figures.of(world.account, asked, series.grouping("hour", asked.since, asked.until))
    calls = next(channel for channel in page.channels if channel.name == "call")
    every = (calls.planned, *calls.statuses, *calls.told, *calls.beside)
    assert sum(figure.n for figure in calls.told) == calls.statuses[2].n == 6
    for figure in every:
        found = rows.behind(world.account, asked, figure.metric.name)
        assert found.count() == figure.n == figures.count(world.account, asked, figure.metric.name)
    assert {figure.metric.name for figure in every if figure.n} >= {
        "call:accepted",
        "call:abandoned",
        "call:reached",
    }
    (bucket,) = page.series.busy
    assert bucket.counts["call:planned"] == calls.planned.n > 0
    spoken = [figure.n for figure in calls.told if figure.metric.name in metrics.SPOKEN]
    assert bucket.counts["call:spoken"] == sum(spoken) == 3


def test_tiles_and_ranges_of_calls(world: World) -> None:
    steps = [world.called(at=later(n)) for n in range(3)]
    world.step(world.enrol(), "call", "waiting")
    world.step(world.enrol(), "call", "queued")
    world.touch()
    world.tried(PlannedCall.objects.get(origin=f"step:{steps[0].pk}"), later(8))
    now = later(60)
    tiles = metrics.tiles(world.account, now)
    assert (tiles.waiting_calls, tiles.total_calls, tiles.completed_today, tiles.total_texts) == (2, 4, 4, 1)
    for tile in ("waiting_calls", "total_calls", "completed_today", "calls_today", "texts_today"):
        found = metrics.rows_behind_tile(world.account, tile, now).count()
        assert found == list_counts.of_tile(world.account, tile, {}, now), tile
    assert metrics.rows_behind_tile(world.account, "calls_today", now).count() == 4
    start = metrics.midnight(world.account, now)
    end = start + timedelta(days=1)
    named = {each.metric.name: each.n for each in metrics.ranged(world.account, start, end)}
    for name, n in named.items():
        assert metrics.rows_behind_range(world.account, name, start, end).count() == n, name
    assert named["range_calls"] == 4 and named["range_texts"] == 1


def test_nothing_called_has_no_rate(world: World) -> None:
    planned_call(world)
    row = next(row for row in metrics.node_rows(world.campaign, counters.totals([world.campaign.pk]))
               if row.kind == "call")  # fmt: skip
    assert row.answer_rate.percent == "—" and row.called == row.calls == 0


def test_lines_say_who_when_and_what(world: World) -> None:
    step = world.called(at=later(2))
    sam = factories.make_user(world.account, name="Sam")
    Call.objects.update(by=sam, note="Wants Friday")
    (line,) = listing.lines(list(metrics.rows_behind(world.campaign, "call", "calls")))
    assert (line.who.name, line.place.node, line.state.word, line.at) == (
        step.enrollment.contact.name, "call", "Answered", later(2),
    )  # fmt: skip
    assert line.remark == "try 1, by Sam, 1 min 5 s" and line.said == "Wants Friday"
    PlannedCall.objects.update(tries=1, outcome_by=sam)
    (line,) = listing.lines(list(metrics.rows_behind(world.campaign, "call", "spoken")))
    assert line.state.word == "Answered" and line.remark == "1 try, by Sam"


@pytest.mark.parametrize("figure", ["call:answered", "call:sent", "call:reached", "call:accepted"])
def test_every_figure_has_columns_for_its_file(world: World, figure: str) -> None:
    world.called(at=datetime(2026, 5, 5, 12, tzinfo=UTC))
    found = rows.behind(world.account, Selection(), figure)
    told = columns.OF[found.model]
    named = statements.values(told)
    row = found.model._base_manager.annotate(**named).values(*named).first()
    assert row is not None and row["c0"] == world.campaign.name and row["c1"] == "call"
