"""What must hold at every instant: a thousand looks while four workers write and counters are folded."""

import threading
from datetime import timedelta
from functools import partial
from random import Random

import pytest
from django.db import transaction

from analytics import counters, metrics
from analytics.metrics import CALL_KINDS, TEXT_KINDS
from tests.analytics.test_concurrency import STATES, Rollback, _disturb, in_threads
from tests.analytics.world import World, build, later

LOOKS, WORKERS = 1000, 4


@pytest.mark.django_db(transaction=True)
def test_identities_hold_a_thousand_times_while_four_workers_write() -> None:
    world = build()
    world.add_call_node()
    world.add_campaign()
    enrollments = [world.enrol(campaign=world.campaigns[n % 2]) for n in range(8)]
    for enrollment in enrollments:
        world.text(world.step(enrollment))
    done = threading.Event()
    seen: set[tuple[int, ...]] = set()

    def write(seed: int) -> None:
        random, turn = Random(seed), 0
        while not done.is_set():
            turn += 1
            try:
                with transaction.atomic():
                    _disturb(world, random, random.choice(enrollments), turn)
                    if random.random() < 0.15:
                        raise Rollback
            except Rollback:
                pass

    def fold() -> None:
        while not done.wait(0.02):
            counters.squash(limit=50)

    def look() -> None:
        try:
            for turn in range(10 * LOOKS):
                if turn >= LOOKS and len(seen) > 50:
                    break
                seen.add(look_once(world))
        finally:
            done.set()

    in_threads(*(partial(write, seed) for seed in range(WORKERS)), fold, look)
    assert len(seen) > 50, "nobody wrote while it was looked"
    assert len({shown[-1] for shown in seen}) > 1, "nothing was completed"
    assert len({shown[-3] for shown in seen}) > 1, "nobody was called"


def look_once(world: World) -> tuple[int, ...]:
    """Node identity, entries − exits = active, and tiles = their columns, all of one instant."""
    now = later(300)  # the evening of the day on which all of it happens
    with counters.snapshot():
        cells = counters.totals([campaign.pk for campaign in world.campaigns])
        tiles = metrics.tiles(world.account, now)
        midnight = metrics.midnight(world.account, now)
        today = counters.between(
            [campaign.pk for campaign in world.campaigns], midnight, midnight + timedelta(days=2)
        )
    kinds = {key: node.kind for key, node in world.nodes.items()}

    def column(names: tuple[str, ...], of: tuple[str, ...] | None = None) -> int:
        return sum(
            n for (_, key, name), n in cells.items() if name in names and (of is None or kinds.get(key) in of)
        )

    for campaign in world.campaigns:
        for key in world.nodes:
            states = sum(cells[campaign.pk, key, state] for state in STATES)
            assert cells[campaign.pk, key, "entered"] == states
        whole = {name: cells[campaign.pk, "", name] for name in ("entries", "exits", "active")}
        assert whole["entries"] - whole["exits"] == whole["active"]
    begun = ("queued", "waiting")
    shown = (
        tiles.waiting_texts, tiles.waiting_calls, tiles.scheduled, tiles.audience_count, tiles.total_texts,
        tiles.total_calls, tiles.jobs_booked, tiles.completed_today,
    )  # fmt: skip
    assert shown == (
        column(begun, TEXT_KINDS), column(begun, CALL_KINDS), column(("scheduled",)), column(("audience",)),
        column(("accepted",), TEXT_KINDS), column(("call:accepted",)), column(("booked",)),
        sum(n for (_, key, name), n in today.items()
            if name == "completed" and kinds.get(key) in TEXT_KINDS + CALL_KINDS),
    )  # fmt: skip
    return shown
