"""kill -9 of the process that places calls, with calls in its hands: each customer is rung once, none is
lost, counters are exact. The sandbox's ledger is the judge. More deaths: `bench/call_faults.py`."""

import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from bench import call_company
from bench.faulted import clock_of
from bench.load_company import phone
from common import clock
from tests.journeys.office import rows
from tests.product import Product, wait_for
from tests.running.test_kills import ledger, load, recount

PEOPLE = 40
SLOWLY, FAST = 2, 30  # calls a second; slowly, so that some are under way at the kill, and more to come
# Every answer comes a second late, nobody picks up and no news is told: the sender alone knows of a call.
MUTE = {"calls": {"latency_seconds": 1.0, "callbacks": {"drop": 1.0}}}


def planned(product: Product) -> dict[str, int]:
    return dict(rows(product, "SELECT state, count(*) FROM conversations_plannedcall GROUP BY 1"))


def queued(product: Product) -> bool:
    sql = "SELECT 1 FROM conversations_plannedcall WHERE mode = 'script' AND state = 'queued'"
    return bool(rows(product, sql))


def in_hand(product: Product) -> set[str]:
    """Attempts of which nobody has recorded anything."""
    found = rows(product, "SELECT attempt::text FROM conversations_call WHERE state = 'calling'")
    return {attempt for (attempt,) in found}


def place(product: Product, per_second: int) -> None:
    """So many calls a second from now on."""
    sql = "UPDATE conversations_callsettings SET per_second = %s RETURNING id"
    assert rows(product, sql, per_second)


def test_each_planned_call_is_placed_once_whoever_is_killed(start_product: Callable[..., Product]) -> None:
    product = start_product(
        TRUCKROLL_DEMO="0",
        TRUCKROLL_NOW="2026-12-01T18:00:00+00:00",  # a Tuesday noon in Chicago
        TRUCKROLL_ABANDONED_AFTER_SECONDS="4",
        TRUCKROLL_RECONCILE_AFTER_SECONDS="1",
    )
    sandbox = f"http://127.0.0.1:{(product.data / 'sandbox.port').read_text().strip()}"
    httpx.post(f"{sandbox}/faults", json=MUTE).raise_for_status()
    product.signal("sending", signal.SIGSTOP)  # nobody is called before all is in place
    facts = load(product, "launch", str(PEOPLE), "--calls")
    agreed = {
        phone(index) for index in range(facts["first"], facts["first"] + PEOPLE) if call_company.agrees(index)
    }
    for each in agreed:
        httpx.post(f"{sandbox}/phones/{each}", json={"answers": "no_answer"}).raise_for_status()
    place(product, SLOWLY)
    product.signal("sending", signal.SIGCONT)
    wait_for(
        lambda: in_hand(product) & {call["attempt"] for call in ledger(sandbox, "call")[SLOWLY:]},
        seconds=60, what="a call in its hands that the provider has",
    )  # fmt: skip
    product.signal("sending", signal.SIGKILL)
    unrecorded = in_hand(product)
    assert queued(product), "killed too late: nobody was left to be called"
    httpx.delete(f"{sandbox}/faults").raise_for_status()
    place(product, FAST)
    wait_for(lambda: not queued(product), seconds=90, what="all calls placed")
    # Ends that nobody told are asked for ten minutes later, by the product's clock.
    shown = clock_of(product) - datetime.now(UTC)
    clock.set_offset(shown + timedelta(minutes=11), product.data / clock.FILE_NAME)

    def settled() -> bool:
        """What the provider took is over; all that is left was never taken, and waits for its time."""
        found, taken = planned(product), len(ledger(sandbox, "call"))
        return found.get("called", 0) == taken and found.get("unknown", 0) == len(agreed) - taken

    wait_for(settled, seconds=90, what="every call settled")
    calls = ledger(sandbox, "call")
    assert unrecorded & {call["attempt"] for call in calls}, "nothing had left when it died: shows nothing"
    assert max(Counter(call["attempt"] for call in calls).values()) == 1
    assert max(Counter(call["to"] for call in calls).values()) == 1
    assert {call["to"] for call in calls} <= agreed, "a recording to whoever never agreed"
    found = planned(product)
    assert found["queued"] == PEOPLE - len(agreed), "those are a person's to call"
    counted = recount(product)
    assert counted is not None and counted["differences"] == []
