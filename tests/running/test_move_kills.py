"""kill -9 of a worker half-way through a move to another version, and again: it resumes, nobody is lost,
nobody is moved twice."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench.faulted import Database
from campaigns.version_moves import SLICE
from tests.journeys.office import rows
from tests.product import ROOT, Product, wait_for
from tests.running.test_kills import recount

PEOPLE = 2 * SLICE + 500  # three slices
WORKERS = ("bulk", "bulk2", "bulk3")


def run(product: Product, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.moving", *arguments],
        cwd=ROOT, env=product.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def by_version(product: Product, campaign: int) -> dict[int, int]:
    """Live passages by version."""
    sql = (
        "SELECT version_id, count(*) FROM campaigns_enrollment WHERE campaign_id = %s AND state = 'active'"
        " GROUP BY 1"
    )
    return dict(rows(product, sql, campaign))


@contextmanager
def hold(product: Product, enrollment: int) -> Iterator[None]:
    """Keep one passage from everybody else."""
    with psycopg.connect(**Database(product).place) as other:
        other.execute("SELECT 1 FROM campaigns_enrollment WHERE id = %s FOR NO KEY UPDATE", [enrollment])
        yield


def stands_still(product: Product, campaign: int, version: int, moved: int) -> None:
    """A slice waits for a passage; whoever had it in hand is killed, and it is undone as a whole."""

    def waits() -> bool:
        sql = (
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE %s"
            " AND datname = current_database()"
        )
        return bool(rows(product, sql, "%campaigns_enrollment%")) and count() == moved

    def count() -> int:
        return by_version(product, campaign).get(version, 0)

    wait_for(waits, seconds=60, what="a slice that waits")
    kill_bulk(product)
    assert count() == moved, "whole slices only"


def kill_bulk(product: Product) -> None:
    """kill -9 all workers that may have the move in hand."""
    before = {name: product.pids()[name] for name in WORKERS}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: all(product.pids().get(name, pid) != pid for name, pid in before.items()),
        seconds=60, what="restart of the workers",
    )  # fmt: skip


def test_a_move_killed_half_way_resumes_and_moves_everybody_once(
    start_product: Callable[..., Product],
) -> None:
    product = start_product(TRUCKROLL_DEMO="0", TRUCKROLL_NOW="2026-12-01T18:00:00+00:00")
    campaign = run(product, "launch", str(PEOPLE))["campaign"]
    wait_for(
        lambda: sum(by_version(product, campaign).values()) == PEOPLE, seconds=90, what="everybody entered"
    )
    steps = "SELECT enrollment_id, id FROM campaigns_step WHERE campaign_id = %s"
    before = dict(rows(product, steps, campaign))
    due = "SELECT min(due_at), max(due_at) FROM campaigns_step WHERE campaign_id = %s"
    (dues,) = rows(product, due, campaign)
    # Somebody holds one passage of the second slice and one of the third: the move stands still at each.
    second, third = (sorted(before)[place] for place in (SLICE + SLICE // 2, 2 * SLICE + 10))
    with hold(product, third):
        with hold(product, second):
            begun = run(product, "move", str(campaign))
            stands_still(product, campaign, begun["version"], SLICE)
        stands_still(product, campaign, begun["version"], 2 * SLICE)
    ended = "SELECT state, seen, people, counts FROM campaigns_versionmove WHERE id = %s"
    wait_for(lambda: rows(product, ended, begun["move"])[0][0] == "done", seconds=90, what="the move's end")
    (told,) = rows(product, ended, begun["move"])
    assert told[:3] == ("done", PEOPLE, PEOPLE)
    assert told[3]["same"] == PEOPLE == sum(told[3].values())
    assert by_version(product, campaign) == {begun["version"]: PEOPLE}
    assert dict(rows(product, steps, campaign)) == before, "everybody stands where they stood, at one step"
    wrong = (
        "SELECT count(*) FROM campaigns_step s JOIN campaigns_node n ON n.id = s.node_id"
        " JOIN campaigns_enrollment e ON e.id = s.enrollment_id WHERE s.campaign_id = %s"
        " AND (n.version_id <> e.version_id OR s.state <> 'waiting')"
    )
    assert rows(product, wrong, campaign) == [(0,)]
    (after,) = rows(product, due, campaign)
    lengths = {(late - early).total_seconds() for early, late in zip(dues, after, strict=True)}
    assert lengths == {20 * 3600.0}, "a longer timer counts from its start, once"
    assert rows(product, "SELECT status FROM campaigns_campaign WHERE id = %s", campaign) == [("active",)]
    noted = "SELECT verb, count(*) FROM accounts_auditentry WHERE verb LIKE %s GROUP BY 1"
    assert dict(rows(product, noted, "%_move")) == {"began_move": 1, "ended_move": 1}
    counted = recount(product)
    assert counted is not None and counted["differences"] == []
