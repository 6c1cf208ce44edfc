"""Counters agree with the rows at every instant, whoever writes while squash runs."""

import threading
from collections.abc import Callable
from functools import partial
from random import Random

import pytest
from django.db import connection, transaction

from analytics import counters
from analytics.models import CounterDelta
from analytics.recount import recount
from campaigns.models import Enrollment, Step
from conversations.models import Call, Message, PlannedCall
from tests.analytics.world import World, build, later

STATES = ["scheduled", "queued", "waiting", "completed", "failed", "skipped"]


def in_threads(*works: Callable[[], None]) -> None:
    """Run all at once; raise the first failure."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Rollback(Exception):
    """Undo this transaction on purpose."""


@pytest.mark.django_db(transaction=True)
def test_counters_stay_exact_among_writers_squash_and_readers() -> None:
    world = build()
    world.add_call_node()
    enrollments = [world.enrol() for _ in range(12)]
    for enrollment in enrollments:
        world.text(world.step(enrollment))
    done = threading.Event()
    seen = []

    def write(seed: int) -> None:
        random, turn = Random(seed), 0
        while turn < 100 or (len(seen) <= 5 and turn < 5_000):  # as long as it takes to be looked at
            turn += 1
            try:
                with transaction.atomic():
                    _disturb(world, random, random.choice(enrollments), turn)
                    if random.random() < 0.15:
                        raise Rollback
            except Rollback:
                pass

    def writers() -> None:
        try:
            in_threads(*(partial(write, seed) for seed in range(3)))
        finally:
            done.set()

    def fold() -> None:
        while not done.is_set():
            counters.squash(limit=7)

    def watch() -> None:
        while not done.is_set():
            result = recount()
            seen.append(result.cells)
            assert result.differences == []
            _identity(world)

    in_threads(writers, fold, watch)
    assert len(seen) > 5 and max(seen) > 50
    assert recount().differences == []
    while counters.squash(limit=50):
        pass
    assert not CounterDelta.objects.exists()
    result = recount()
    assert result.differences == [] and result.cells > 50


def _disturb(world: World, random: Random, enrollment: Enrollment, turn: int) -> None:
    """One random act of an engine, a sender, a receipt or a cleaner, on rows that others want too."""
    Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)
    steps = Step.objects.filter(enrollment=enrollment)
    texts = Message.objects.filter(contact_id=enrollment.contact_id)
    planned = PlannedCall.objects.filter(contact_id=enrollment.contact_id)
    at = later(random.randrange(200))
    acts = ["enter", "move", "accept", "deliver", "answer", "end", "delete", "exclude", "try", "said"]
    match random.choice([*acts, "enter", "move"]):
        case "enter":
            missing = set(world.nodes) - set(steps.values_list("node__key", flat=True))
            if missing:
                key = random.choice(sorted(missing))
                step = world.step(enrollment, key, at=at)
                (world.planned if world.nodes[key].kind == "call" else world.text)(step, at=at)
        case "move":
            state = random.choice(STATES)
            due = at if state == "scheduled" else None
            steps.update(state=state, state_at=at, reason="said so", due_at=due)
        case "accept":
            texts.filter(accepted_at=None).update(state="accepted", state_at=at, accepted_at=at)
        case "deliver":
            texts.update(state=random.choice(["delivered", "failed", "sent"]), state_at=at)
        case "answer":
            texts.update(replied_at=at, opted_out_at=at if turn % 2 else None)
        case "end":
            Enrollment.objects.filter(pk=enrollment.pk).update(
                state="ended", ended_at=at, ended_reason=random.choice(["completed", "opted_out"])
            )
        case "delete":
            random.choice([texts.delete, steps.delete, planned.delete])()
        case "try":
            for one in planned.filter(calls=None):
                world.tried(one, at)
                world.tried(one, at)
            Call.objects.filter(planned__in=planned, try_number=turn % 3).update(
                abandoned_at=at, state=random.choice(["completed", "refused"])
            )
        case "said":
            outcome = random.choice(["", "answered", "busy", "booked"])
            state = "called" if outcome else random.choice(["queued", "calling", "failed", "cancelled"])
            planned.update(
                state=state, outcome=outcome, state_at=at, due_at=at if state == "queued" else None,
                opted_out_at=at if turn % 5 == 0 else None,
            )  # fmt: skip
        case "exclude":
            world.exclude(random.choice(["no_address", "opted_out"]), at)


def _identity(world: World) -> None:
    found = counters.totals([world.campaign.pk])
    for key in world.nodes:
        states = sum(found[world.campaign.pk, key, state] for state in STATES)
        assert found[world.campaign.pk, key, "entered"] == states
    whole = {column: found[world.campaign.pk, "", column] for column in ("entries", "exits", "active")}
    assert whole["entries"] - whole["exits"] == whole["active"]


@pytest.mark.django_db(transaction=True)
def test_reader_between_delete_and_commit_of_squash_sees_everything() -> None:
    world = build()
    world.step(world.enrol())
    before = counters.totals([world.campaign.pk])
    folded, looked = threading.Event(), threading.Event()
    found = []

    def fold() -> None:
        with transaction.atomic():
            assert counters.squash() > 0
            folded.set()
            assert looked.wait(10)

    def look() -> None:
        assert folded.wait(10)
        found.append(counters.totals([world.campaign.pk]))
        looked.set()

    in_threads(fold, look)
    found.append(counters.totals([world.campaign.pk]))
    assert found == [before, before]
