"""`manage.py recount` is quiet where all agrees, and names the cell that does not."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from analytics import counters
from analytics.models import CounterDelta, CounterHour, CounterMinute, CounterTotal
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = build()
    world.touch()
    world.step(world.enrol(), state="failed", at=later(70))
    world.exclude()
    return world


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("recount", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize("folded", [False, True])
def test_recount_is_clean(world: World, folded: bool) -> None:
    if folded:
        counters.squash()
    code, text = run("--json")
    report = json.loads(text)
    assert code == 0 and report["differences"] == [] and report["cells"] > 30


@pytest.mark.parametrize("model", [CounterTotal, CounterMinute, CounterHour])
def test_planted_difference_is_found_in_its_cell_alone(world: World, model: type) -> None:
    counters.squash()
    cell = model.objects.get(campaign_id=world.campaign.pk, node_key="first_text", column="accepted")  # type: ignore[attr-defined]
    cell.n = 5
    cell.save()
    code, text = run("--json")
    (difference,) = json.loads(text)["differences"]
    assert code == 1
    assert (difference["node"], difference["column"]) == ("first_text", "accepted")
    assert (difference["counted"], difference["rows"]) == (5, 1)
    assert difference["level"] in model.__name__.lower()


def test_stray_delta_differs_at_every_level(world: World) -> None:
    CounterDelta.objects.create(
        campaign_id=world.campaign.pk, node_key="first_text", column="entered",
        minute=NOON.replace(second=0), n=1,
    )  # fmt: skip
    code, text = run("--json")
    assert code == 1
    assert {d["level"] for d in json.loads(text)["differences"]} == {"minute", "hour", "total"}
    assert "counted 3, rows 2" in run()[1]


def test_rows_written_past_the_triggers_are_found(world: World) -> None:
    enrollment = world.enrol()
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("alter table campaigns_step disable trigger user")
    world.step(enrollment, "reply", "waiting")
    with connection.cursor() as cursor:
        cursor.execute("alter table campaigns_step enable trigger user")
    code, text = run("--json")
    assert code == 1
    assert {(d["node"], d["column"]) for d in json.loads(text)["differences"]} == {
        ("reply", "entered"),
        ("reply", "waiting"),
    }


def test_empty_database_has_nothing_to_differ() -> None:
    code, text = run("--json")
    assert code == 0 and json.loads(text) == {"cells": 0, "differences": []}
