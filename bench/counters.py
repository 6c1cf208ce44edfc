"""The cost of counting: the engine's work with the delta triggers and without them."""

import sys
import time
from contextlib import nullcontext
from statistics import median

from django.db import connection

from analytics import counters
from analytics.recount import recount
from bench.contractor import LAUNCHED, WAITED, Contractor, uncounted
from bench.measurement import Measurement
from campaigns import engine, enrolling
from campaigns.models import Campaign

CONTACTS = 8_000  # each ends a wait and a branch, every second one is then handed to the sender
ROUNDS = 15  # of each kind, short and taken in turn, so that a busy neighbour hits both alike


def counters_cost(contacts: int = CONTACTS, rounds: int = ROUNDS) -> Measurement:
    """Steps a second of the whole engine with triggers, squash included, against the same without.

    Waits, branches and texts as in `engine_vs_sql`. After a counted round the counters must equal the rows.
    """
    contractor = Contractor(contacts)
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds + 1):
        for counting in (True, False) if number % 2 else (False, True):
            seconds = _round(contractor, counting)
            if number:  # the first of each kind warms up
                taken[counting].append(seconds)
    on, off = median(taken[True]), median(taken[False])
    print(f"counters_cost: medians of {rounds} rounds, {on:.2f} s with, {off:.2f} s without", file=sys.stderr)
    steps = contacts * 5 // 2
    return Measurement(
        "counters_cost", steps, steps / on, "steps/s", "the engine without triggers", steps / off, on / off
    )


def _round(contractor: Contractor, counting: bool) -> float:
    """Seconds for a fresh campaign of everybody, from its first wait to the queued texts."""
    campaign = contractor.campaign()
    enrolling.enroll(campaign, now=LAUNCHED)
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze campaigns_step, campaigns_enrollment, conversations_message")
    _squash()
    with uncounted():
        pass  # either kind plans its statements anew
    with nullcontext() if counting else uncounted():
        began = time.perf_counter()
        while engine.run_round(now=WAITED, seconds=engine.LOOK_SECONDS):
            pass
        if counting:
            _squash()
        seconds = time.perf_counter() - began
    differing = [d for d in recount().differences if d.campaign == campaign.pk] if counting else []
    if differing:
        raise SystemExit(f"the counters are wrong: {differing[0]}")
    Campaign.objects.filter(pk=campaign.pk).update(status="paused")
    return seconds


def _squash() -> None:
    while counters.squash():
        pass
