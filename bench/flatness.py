"""What does not grow with the number of rows: a step's cost, and reading the figures."""

import sys
import time
from collections.abc import Iterator
from statistics import median

from django.db import connection

from accounts.models import Account
from analytics import counters, metrics
from bench.contractor import LAUNCHED, WAITED, Contractor
from bench.effort import Effort, effort
from bench.measurement import Measurement
from bench.stock import PEOPLE, Stock
from campaigns import engine, enrolling
from campaigns.models import Campaign
from common import sql

SMALL, LARGE = 100_000, 5_000_000  # steps of other campaigns
CONTACTS = 20_000
ROUNDS = 3
MOST_CPU, MOST_WAL = 40, 4096  # microseconds and bytes a step, of the goals
TAIL = 2_000  # deltas not yet squashed, as between two squashes of a busy minute


def engine_flatness(
    small: int = SMALL,
    large: int = LARGE,
    contacts: int = CONTACTS,
    rounds: int = ROUNDS,
    people: int = PEOPLE,
) -> Iterator[Measurement]:
    """The backend's CPU for a step of the engine beside `large` live steps of other campaigns, and `small`.

    Waits, branches and texts as in `engine_vs_sql`, by the whole engine with triggers; two more lines say
    what a step costs beside the large stock in CPU and WAL, against what the goals allow. Launches enrol
    people in one go and make them due together; so do the campaigns measured here.
    """
    contractor = Contractor(contacts)
    stock = Stock(contractor, people=people)
    steps = contacts * 5 // 2
    found = []
    for size in (small, large):
        began = time.perf_counter()
        stock.grow(size)
        print(
            f"engine_flatness: {stock.steps:,} steps in {time.perf_counter() - began:.0f} s", file=sys.stderr
        )
        found.append([_run(contractor, steps) for _ in range(rounds)])
    Campaign.objects.filter(pk__in=[c.pk for c in stock.campaigns]).update(status="paused")
    before, after = (_middle(efforts, steps) for efforts in found)
    beside = f"beside {stock.steps:,} live steps"
    yield Measurement(
        "engine_flatness", stock.steps, after.cpu, "µs CPU/step", f"the same beside {small:,}", before.cpu,
        after.cpu / before.cpu,
    )  # fmt: skip
    yield Measurement(
        "engine_cpu", steps, after.cpu, "µs CPU/step", f"the most allowed, {beside}", MOST_CPU,
        after.cpu / MOST_CPU,
    )  # fmt: skip
    yield Measurement(
        "engine_wal", steps, after.wal, "B WAL/step", f"the most allowed, {beside}", MOST_WAL,
        after.wal / MOST_WAL,
    )  # fmt: skip


def _run(contractor: Contractor, steps: int) -> Effort:
    """What a fresh campaign of everybody costs the backend, from its first wait to the queued texts."""
    campaign = contractor.campaign()
    enrolling.enroll(campaign, now=LAUNCHED)
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze campaigns_step, campaigns_enrollment, conversations_message")
    with effort() as spent:
        while engine.run_round(now=WAITED):
            pass
    left = sql.value(
        "SELECT count(*) FROM campaigns_step WHERE campaign_id = %s AND state <> 'waiting'", [campaign.pk]
    )
    if left != steps:
        raise SystemExit(f"{left} steps left the engine, not {steps}")
    Campaign.objects.filter(pk=campaign.pk).update(status="paused")
    while counters.squash():
        pass
    return spent


def _middle(efforts: list[Effort], steps: int) -> Effort:
    """Microseconds and bytes a step, the medians."""
    return Effort(median(e.cpu for e in efforts) / steps * 1e6, round(median(e.wal for e in efforts) / steps))


def read_figures(account: Account, campaign: Campaign, reads: int) -> float:
    """Milliseconds for a campaign's node table and the account's tiles, read together; the median.

    Each reading finds the same tail of deltas that nobody has squashed yet. The figures must be the rows'.
    """
    while counters.squash():
        pass
    _leave_tail(campaign)
    waiting = sql.value(
        "SELECT count(*) FROM campaigns_step WHERE campaign_id = %s AND state = 'waiting'", [campaign.pk]
    )
    times = []
    for _ in range(reads):
        began = time.perf_counter()
        with counters.snapshot():
            table = metrics.node_rows(campaign, counters.totals([campaign.pk]))
            metrics.tiles(account)
        times.append((time.perf_counter() - began) * 1000)
        if sum(row.waiting for row in table) != waiting:
            raise SystemExit("the node table is wrong")
    while counters.squash():
        pass
    return median(times)


def _leave_tail(campaign: Campaign) -> None:
    """Deltas that cancel each other, as steps leave that go from state to state."""
    sql.run(
        """
        INSERT INTO analytics_counterdelta (campaign_id, node_key, "column", minute, n)
        SELECT %s, 'rest', 'waiting', %s, CASE n %% 2 WHEN 0 THEN 1 ELSE -1 END
        FROM generate_series(1, %s) n
        """,
        [campaign.pk, LAUNCHED, TAIL],
    )
