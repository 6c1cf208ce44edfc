"""How many left a node by which edge: counted as it happens, opened as rows, and filled in for the past."""

from collections import Counter
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import Role
from analytics import counters, edge_counts, metrics
from analytics.models import CounterFill
from analytics.recount import recount
from analytics.tasks import count_edges
from campaigns import graph, passages
from campaigns.models import Campaign, Edge, Node, Step
from campaigns.nodes.base import Outcome, Row
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import World, build, later

pytestmark = pytest.mark.django_db
ANALYTICS = Path(__file__).resolve().parents[2] / "analytics"
BEFORE = ANALYTICS / "migrations" / "0003_counters.sql"
NOW = (ANALYTICS / "sql" / "count_steps.sql").read_text()
OTHERS = [(ANALYTICS / "sql" / f"count_{name}.sql").read_text() for name in ("enrollments", "messages")]
State = Step.State


@pytest.fixture
def world() -> World:
    made = build()
    ways = [
        ("first_text", "next", "reply"), ("first_text", "otherwise", "done"),
        ("reply", "reply", "booking"), ("reply", "next", "second_text"),
        ("second_text", "next", "done"), ("booking", "next", "done"),
    ]  # fmt: skip
    for source, label, target in ways:
        Edge.objects.create(
            version=made.version, source=made.nodes[source], target=made.nodes[target], label=label
        )
    Node.objects.filter(pk=made.nodes["reply"].pk).update(settings={"timeout_minutes": 60})
    return made


def settle(world: World, step: Step, state: State, *, label: str = "", reason: str = "") -> Step | None:
    """Let a step end as the engine does; where its passage stands then."""
    outcome = Outcome([Row(step.pk, step.enrollment_id)], state, label=label, reason=reason)
    drawn = graph.load(world.version.pk)
    passages.settle(step.campaign_id, drawn, drawn.nodes[step.node_id], [outcome], now=later(5))
    return Step.objects.filter(enrollment=step.enrollment_id, state__in=Step.OPEN).first()


def walk(world: World) -> None:
    """Six passages: replied, no reply, said something without an edge, failed, skipped, opted out."""
    for label in ("reply", "no_reply", "question"):
        waiting = settle(world, world.step(world.enrol()), State.COMPLETED)
        assert waiting is not None
        settle(world, waiting, State.COMPLETED, label=label)
    settle(world, world.step(world.enrol()), State.FAILED, reason="error")
    settle(world, world.step(world.enrol()), State.SKIPPED, reason="no_address")
    passages.end([world.step(world.enrol()).enrollment_id], reason="opted_out", now=later(6))


def left(world: World, key: str) -> edge_counts.Leaving:
    found = counters.totals([world.campaign.pk])
    return edge_counts.of_nodes(world.campaign.pk, graph.load(world.version.pk), found)[key]


def test_each_way_out_is_counted_once(world: World) -> None:
    walk(world)
    assert left(world, "first_text") == edge_counts.Leaving({"next": 3, "otherwise": 2}, 1)
    assert left(world, "reply") == edge_counts.Leaving({"reply": 1, "next": 2}, 0)
    assert recount().differences == []


def test_edges_add_up_to_what_closed_and_open_their_rows(world: World) -> None:
    walk(world)
    found = counters.totals([world.campaign.pk])
    rows = {row.key: row for row in metrics.node_rows(world.campaign, found)}
    for node in graph.load(world.version.pk).nodes.values():
        leaving, row = left(world, node.key), rows[node.key]
        assert leaving.whole + leaving.ended == row.completed + row.failed + row.skipped
        for label, n in leaving.by_edge.items():
            assert metrics.rows_behind(world.campaign, node.key, f"edge:{label}").count() == n
        assert metrics.rows_behind(world.campaign, node.key, "nowhere").count() == leaving.ended
    assert sum(left(world, "first_text").by_edge.values()) == 5


@pytest.mark.parametrize(
    ("key", "column"), [("first_text", "edge:maybe"), ("nobody", "edge:next"), ("", "nowhere")]
)
def test_unknown_edge_opens_nothing(world: World, key: str, column: str) -> None:
    from analytics.rows import UnknownColumn

    with pytest.raises(UnknownColumn):
        metrics.rows_behind(world.campaign, key or None, column)


def closed(campaign: Campaign) -> Counter[tuple[str, str]]:
    """The same in plain Python, from the rows."""
    found: Counter[tuple[str, str]] = Counter()
    for step in Step.objects.filter(campaign=campaign).exclude(state__in=Step.OPEN).select_related("node"):
        went = step.outcome or ("next" if step.state == State.COMPLETED else "")
        found[step.node.key, f"left:{went}" if went else "ended"] += 1
    return found


def test_past_is_counted_once_while_the_product_runs(world: World) -> None:
    """Rows of the release before, which counted no edges and did not say that failed ones went on."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE.read_text())
        for others in OTHERS:  # count as they do now
            cursor.execute(others)
    walk(world)
    other = world.add_campaign()
    world.step(world.enrol(campaign=other), state="completed")
    Step.objects.filter(outcome="otherwise").update(outcome="")
    assert not any(column.startswith("left:") for _, _, column in counters.totals([world.campaign.pk]))
    with connection.cursor() as cursor:
        cursor.execute("drop function analytics_step_cells")
        cursor.execute(NOW)
    CounterFill.objects.create(name="edges", since=1)
    assert recount().differences == []  # of edges it says nothing yet
    walk(world)  # goes on meanwhile
    assert edge_counts.pending()
    count_edges()
    assert not edge_counts.pending()
    assert left(world, "first_text") == edge_counts.Leaving({"next": 6, "otherwise": 4}, 2)
    assert recount().differences == []
    counted = {
        (key, column): n
        for (_, key, column), n in counters.totals([world.campaign.pk]).items()
        if column == "ended" or column.startswith("left:")
    }
    assert counted == dict(closed(world.campaign))


def test_past_waits_until_older_transactions_are_over(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()::text::numeric")
        CounterFill.objects.create(name="edges", since=cursor.fetchone()[0])
    assert count_edges() == 0  # our own is not over
    assert edge_counts.pending()


def test_filling_twice_changes_nothing(world: World) -> None:
    walk(world)
    before = counters.totals([world.campaign.pk])
    CounterFill.objects.create(name="edges", since=1)
    count_edges()
    assert counters.totals([world.campaign.pk]) == before


def test_the_page_says_that_arrows_are_still_counted(world: World) -> None:
    client = signed_in(make_member(world.account, Role.CSR))
    url = reverse("analytics:campaign", args=[world.campaign.pk])
    said = "Still counting how often each arrow"
    assert said not in client.get(url).content.decode()
    CounterFill.objects.create(name="edges", since=1)
    assert said in client.get(url).content.decode()
