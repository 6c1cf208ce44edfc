"""kill -9 of each process in turn while thousands are texted: no duplicate, nobody lost, counters exact.

The sandbox's ledger is the judge; it believes nothing that the product says of itself.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import psycopg

from bench.load_company import phone
from tests.journeys.office import rows
from tests.product import ROOT, Product, wait_for

IN_PEACE, AMID_KILLS = 1_500, 2_500  # contacts
LOOKS = 3  # at the counters, while texts leave in peace
KILLED = ("sending", "events", "engine", "web", "postgres", "redis", "sandbox", "bulk", "beat", "sending")
RECOUNTED = ("engine", "postgres", "bulk")  # after these deaths: a recount costs as much as a process's start
FAST, SLOW = 300, 6  # segments a second; slowly, so that texts still leave when the last is killed


def load(product: Product, *arguments: str) -> dict[str, Any]:
    """Run `bench.load_company` against the product; again while its database is coming back."""
    for _ in range(20):
        done = subprocess.run(
            [sys.executable, "-m", "bench.load_company", *arguments],
            cwd=ROOT, env=product.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer
        time.sleep(0.5)
    raise AssertionError(done.stderr)


def ledger(url: str, kind: str) -> list[dict[str, Any]]:
    """Every entry of a kind."""
    entries: list[dict[str, Any]] = []
    after = 0
    while True:
        page = httpx.get(f"{url}/ledger.json", params={"kind": kind, "after": after}, timeout=30).json()
        if not page["entries"]:
            return entries
        entries += page["entries"]
        after = page["last"]


def states(product: Product, campaign: int, key: str) -> dict[str, int]:
    """Steps of a node by state."""
    sql = (
        "SELECT s.state, count(*) FROM campaigns_step s JOIN campaigns_node n ON n.id = s.node_id"
        " WHERE s.campaign_id = %s AND n.key = %s GROUP BY 1"
    )
    return dict(rows(product, sql, campaign, key))


def texts_by_state(product: Product, campaign: int) -> dict[str, int]:
    """Its messages by state; none while the database is away."""
    sql = (
        "SELECT m.state, count(*) FROM conversations_message m JOIN campaigns_campaign c"
        " ON c.lane_id = m.lane_id WHERE c.id = %s GROUP BY 1"
    )
    with contextlib.suppress(psycopg.OperationalError):
        return dict(rows(product, sql, campaign))
    return {}


def set_rate(product: Product, segments_per_second: int) -> None:
    """What the numbers may send, from now on."""
    sql = "UPDATE integrations_sendingnumber SET segments_per_second = %s RETURNING id"
    assert rows(product, sql, segments_per_second)


def recount(product: Product) -> dict[str, Any] | None:
    """What recount says now; None while the database is away."""
    done = product.manage("recount", "--json")
    with contextlib.suppress(json.JSONDecodeError):
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
    return None


def test_each_planned_text_leaves_once_in_peace_and_whoever_is_killed(
    start_product: Callable[..., Product],
) -> None:
    product = start_product(
        TRUCKROLL_DEMO="0",
        TRUCKROLL_NOW="2026-12-01T18:00:00+00:00",  # a Tuesday noon in Chicago
        TRUCKROLL_ABANDONED_AFTER_SECONDS="4",
        TRUCKROLL_RECONCILE_AFTER_SECONDS="5",
        LOAD_RATE=str(FAST),
    )
    # In peace every text leaves once, and the counters are exact at every look.
    facts = load(product, "launch", str(IN_PEACE))
    httpx.post(f"{facts['sandbox']}/customers", json={"mode": "silent"}).raise_for_status()
    for look in range(LOOKS):
        most = IN_PEACE * look // LOOKS
        wait_for(lambda most=most: len(ledger(facts["sandbox"], "message")) > most, seconds=60, what="texts")
        counted = recount(product)
        assert counted is not None
        assert counted["differences"] == [], f"after {most} texts"
    done = {"completed": IN_PEACE}
    wait_for(lambda: states(product, facts["campaign"], "text") == done, seconds=60, what="all recorded")
    texts = Counter(entry["to"] for entry in ledger(facts["sandbox"], "message"))
    assert texts == Counter(phone(index) for index in range(IN_PEACE))

    set_rate(product, SLOW)

    # Amid kills no text leaves twice, none is lost but what the provider never took, and that is known.
    facts = load(product, "launch", str(AMID_KILLS))
    campaign, planned = facts["campaign"], range(facts["first"], facts["first"] + AMID_KILLS)
    wait_for(lambda: texts_by_state(product, campaign).get("delivered"), seconds=60, what="first texts")
    for name in KILLED:
        product.kill(name, restart_within=30)
        time.sleep(1.5)
        if name in RECOUNTED:
            counted = recount(product)
            assert counted is None or counted["differences"] == [], f"after the death of {name}"
    assert texts_by_state(product, campaign)["queued"]
    set_rate(product, FAST)

    def settled() -> bool:
        found = texts_by_state(product, campaign)
        return not {"queued", "calling"} & found.keys() and sum(found.values()) == AMID_KILLS

    wait_for(settled, seconds=240, what="all texts called")
    # What stays unknown has had its callback and its look-up: the provider never took it.
    time.sleep(20)
    texts = Counter(entry["to"] for entry in ledger(facts["sandbox"], "message"))
    for index in range(IN_PEACE):
        assert texts.pop(phone(index)) == 1
    assert max(texts.values()) == 1, [to for to, n in texts.items() if n > 1]
    assert set(texts) <= {phone(index) for index in planned}
    steps, pauses = states(product, campaign, "text"), states(product, campaign, "pause")
    assert set(steps) <= {"completed", "waiting"}, steps
    assert steps["completed"] == len(texts) == pauses["waiting"], (steps, pauses)
    assert sum(steps.values()) == AMID_KILLS, steps
    unknown = texts_by_state(product, campaign).get("unknown", 0)
    assert steps.get("waiting", 0) == unknown <= 100 * len(KILLED), (steps, unknown)
    final = recount(product)
    assert final is not None
    assert final["differences"] == []
