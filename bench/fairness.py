"""How long a small campaign's steps wait beside one that is a thousand times larger, and alone."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection

from bench.contractor import LAUNCHED, WAITED, Contractor
from bench.measurement import Measurement
from campaigns import engine, enrolling
from campaigns.models import Campaign, Step
from common import sql

SMALL, LARGE = 50, 50_000
PULSES = 5  # how often a small campaign becomes due
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 300
SOON = timedelta(minutes=30)  # what is due by then is due now, whatever hour it has become


def fairness_small_wait(small: int = SMALL, large: int = LARGE, pulses: int = PULSES) -> Measurement:
    """Seconds in which 95% of a small campaign's steps are taken after they became due: wait, branch, text.

    Beside a campaign of the same account and number with `large` contacts due all the while; the baseline is
    the same alone. One engine worker, its loop as in production; the product's clock must show `WAITED`.
    """
    contractor = Contractor(max(small, large))
    alone = _waits(contractor, small, pulses)
    crowd = contractor.campaign()
    enrolling.enroll(crowd, now=LAUNCHED)
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze")
    beside = _waits(contractor, small, pulses, crowd)
    value, baseline = _p95(beside), _p95(alone)
    print(f"fairness: {value:.3f} s beside {large:,}, {baseline:.3f} s alone", file=sys.stderr)
    return Measurement(
        "fairness_small_wait", small, value, "s", f"alone; beside {large:,} contacts that are due", baseline,
        value / baseline,
    )  # fmt: skip


def _waits(contractor: Contractor, small: int, pulses: int, crowd: Campaign | None = None) -> list[float]:
    """What each step of `pulses` small campaigns waited, in seconds."""
    campaigns = [contractor.campaign() for _ in range(pulses)]
    for campaign in campaigns:
        enrolling.enroll(campaign, now=LAUNCHED, most=small)
        Step.objects.filter(campaign=campaign).update(due_at=WAITED + (WAITED - LAUNCHED))
    waits: list[float] = []
    with _worker():
        for campaign in campaigns:
            if crowd is not None:
                _make_due(crowd)
            waits += _pulse(campaign)
    for campaign in [*campaigns, *([crowd] if crowd else [])]:
        Campaign.objects.filter(pk=campaign.pk).update(status="paused")
    return waits


def _make_due(crowd: Campaign) -> None:
    """Everybody of the large campaign who stands at a timer has waited long enough."""
    Step.objects.filter(campaign=crowd, state="waiting").update(due_at=WAITED)


def _pulse(campaign: Campaign) -> list[float]:
    """Make a campaign due and see how long each of its steps waits for the engine, from node to node."""
    Step.objects.filter(campaign=campaign).update(due_at=WAITED)
    began = time.perf_counter()
    left = campaign.enrollments.count()
    waits: list[float] = []
    while left:
        time.sleep(LOOK_SECONDS)
        waited = time.perf_counter() - began
        if waited > PATIENCE_SECONDS:
            raise SystemExit(f"{left} steps were not taken in {PATIENCE_SECONDS} s")
        due = sql.value(
            "SELECT count(*) FROM campaigns_step WHERE campaign_id = %s AND due_at <= %s",
            [campaign.pk, WAITED + SOON],
        )
        waits += [waited] * (left - due)
        left = min(left, due)
    return waits


@contextmanager
def _worker() -> Iterator[None]:
    """An engine worker beside us."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            engine.work(1.0)
        connection.close()

    worker = threading.Thread(target=run)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


def _p95(waits: list[float]) -> float:
    return sorted(waits)[max(0, -(-len(waits) * 95 // 100) - 1)]
