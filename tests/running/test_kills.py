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

from bench.load_company import phone
from tests.product import ROOT, Product, wait_for

CONTACTS = 5_000
KILLED = ("sending", "events", "engine", "web", "postgres", "redis", "sandbox", "bulk", "beat", "sending")


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


def recount(product: Product) -> dict[str, Any] | None:
    """What recount says now; None while the database is away."""
    done = product.manage("recount", "--json")
    with contextlib.suppress(json.JSONDecodeError):
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
    return None


def test_a_launch_of_thousands_sends_each_planned_text_once_and_counts_exactly(
    start_product: Callable[..., Product],
) -> None:
    product = start_product(TRUCKROLL_DEMO="0", TRUCKROLL_NOW="2026-12-01T18:00:00+00:00", LOAD_RATE="300")
    facts = load(product, "launch", str(CONTACTS))
    httpx.post(f"{facts['sandbox']}/customers", json={"mode": "silent"}).raise_for_status()
    looks = 0
    while (sent := len(ledger(facts["sandbox"], "message"))) < CONTACTS:
        counted = recount(product)
        assert counted is not None
        assert counted["differences"] == [], f"after {sent} texts"
        looks += 1
    assert looks >= 2
    wait_for(
        lambda: load(product, "report")["text_steps"] == {"completed": CONTACTS},
        seconds=60,
        what="all recorded",
    )
    texts = Counter(entry["to"] for entry in ledger(facts["sandbox"], "message"))
    assert texts == Counter(phone(index) for index in range(CONTACTS))


def test_nothing_is_sent_twice_or_lost_whoever_is_killed(start_product: Callable[..., Product]) -> None:
    product = start_product(
        TRUCKROLL_DEMO="0",
        TRUCKROLL_NOW="2026-12-01T18:00:00+00:00",  # a Tuesday noon in Chicago
        TRUCKROLL_ABANDONED_AFTER_SECONDS="4",
        TRUCKROLL_RECONCILE_AFTER_SECONDS="5",
    )
    facts = load(product, "launch", str(CONTACTS))
    httpx.post(f"{facts['sandbox']}/customers", json={"mode": "silent"}).raise_for_status()
    wait_for(lambda: len(ledger(facts["sandbox"], "message")) > 50, seconds=60, what="first texts")
    for name in KILLED:
        product.kill(name, restart_within=30)
        time.sleep(1.5)
        counted = recount(product)
        assert counted is None or counted["differences"] == [], f"after the death of {name}"

    def settled() -> bool:
        states = load(product, "report")["messages"]
        return not {"queued", "calling"} & states.keys() and sum(states.values()) == CONTACTS

    wait_for(settled, seconds=240, what="all texts called")
    # What stays unknown has had its callback and its look-up: the provider never took it.
    time.sleep(20)
    report = load(product, "report")
    texts = Counter(entry["to"] for entry in ledger(facts["sandbox"], "message"))
    assert report["enrollments"] == CONTACTS
    assert max(texts.values()) == 1, [to for to, n in texts.items() if n > 1]
    assert set(texts) <= {phone(index) for index in range(CONTACTS)}
    steps = report["text_steps"]
    assert set(steps) <= {"completed", "waiting"}, report
    assert steps["completed"] == len(texts) == report["pause_steps"]["waiting"], report
    assert steps["completed"] + steps.get("waiting", 0) == CONTACTS, report
    assert steps.get("waiting", 0) == report["messages"].get("unknown", 0) <= 100 * len(KILLED), report
    final = recount(product)
    assert final is not None
    assert final["differences"] == []
