"""Processes that die or stand still at the instants that hurt: before a call, after it, before a ring."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from bench.faulted import Course
from bench.product import wait_for
from config import running
from config.processes import spawn, stop

KILLS = 3
# The provider accepts at once and answers late, so that every instant falls amid calls.
SLOW_ANSWERS = {"latency_seconds": 0.4}
GRACE_SECONDS = 1.5  # between TERM and KILL of a deployment in a hurry
WORKERS = ("sending", "engine", "events", "bulk", "beat")


def kill(name: str, course: Course) -> None:
    """kill -9 one process: once while the audience is taken in, then amid the sending."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    time.sleep(course.rng.uniform(0, 1.5))
    course.product.kill(name, restart_within=30)
    for share in sorted(course.rng.uniform(0.05, 0.9) for _ in range(KILLS - 1)):
        course.await_share(share)
        time.sleep(course.rng.uniform(0, 0.3))
        course.product.kill(name, restart_within=30)
    course.recount()


def kill_before_call(course: Course) -> None:
    """The sender dies with texts leased and none claimed: somebody else has the phones' locks."""
    course.product.signal("sending", signal.SIGSTOP)
    course.launch()
    with psycopg.connect(**course.database.place) as other:
        other.execute("select 1 from audiences_address order by id for no key update")
        course.product.signal("sending", signal.SIGCONT)
        leased = "select 1 from conversations_message where state = 'queued' and leased_until > now()"
        course.await_that(lambda: course.database.rows(leased), 60, "nothing was leased")
        time.sleep(course.rng.uniform(0.2, 0.6))
        course.product.kill("sending", restart_within=30)
    course.recount()


def kill_before_record(course: Course) -> None:
    """The sender dies with answers under way, twice; no callback ever tells what became of them."""
    course.provider.misbehave(latency_seconds=2.0, callbacks={"drop": 1.0})
    course.launch()
    for share in sorted(course.rng.uniform(0.1, 0.8) for _ in range(2)):
        course.await_share(share)
        course.product.kill("sending", restart_within=30)
    course.recount()


def kill_web_child(course: Course) -> None:
    """kill -9 the process that serves, not the one that watches over it."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    course.await_share(course.rng.uniform(0.1, 0.5))
    (child,) = children_of(course.product.pids()["web"])
    os.kill(child, signal.SIGKILL)
    course.await_that(lambda: course.product.status("/healthz") == 200, 30, "the web did not come back")
    course.recount()


def children_of(pid: int) -> list[int]:
    """The processes that this one started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def freeze_sending(course: Course) -> None:
    """The sender stands still for longer than its claims are valid, twice."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    for share in sorted(course.rng.uniform(0.05, 0.8) for _ in range(2)):
        course.await_share(share)
        stand_still(course, course.rng.uniform(5, 8))
    course.recount()


def stand_still(course: Course, seconds: float) -> None:
    """Stop the sender's process for so long."""
    pid = course.product.pids()["sending"]
    course.product.signal("sending", signal.SIGSTOP)
    time.sleep(seconds)
    if course.product.pids()["sending"] == pid:
        course.product.signal("sending", signal.SIGCONT)


def freeze_beyond_lease(course: Course) -> None:
    """The sender stands still for longer than its leases hold, while another takes its work over."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    course.await_share(course.rng.uniform(0.05, 0.4))
    with second(course, "sending"):
        stand_still(course, course.rng.uniform(16, 19))
        course.await_share(0.95)
    course.recount()


def two_of_everything(course: Course) -> None:
    """Two beats ring for two of each worker, from before the launch on."""
    with second(course, *WORKERS):
        course.launch()
        course.await_share(course.rng.uniform(0.7, 1.0))
        course.recount()


@contextmanager
def second(course: Course, *names: str) -> Iterator[None]:
    """One more of these processes, for as long as it takes."""
    options = running.read_options(course.product.env)
    port = (course.product.data / "sandbox.port").read_text().strip()
    env = running.child_env(options, f"http://{running.HOST}:{port}")
    programs = [child.prepare() for child in running.product(options, env) if child.name in names]
    with (course.product.data / "second.log").open("ab") as log:
        started = [(spawn(program, stdout=log), program) for program in programs]
    try:
        yield
    finally:
        for process, program in started:
            stop(process, program, seconds=25)


def deploy(course: Course) -> None:
    """TERM to everything of the product but the servers, KILL soon after; then the whole product anew."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    course.await_share(course.rng.uniform(0.1, 0.4))
    before = {
        name: pid
        for name, pid in course.product.pids().items()
        if name not in ("postgres", "redis", "sandbox")
    }
    for number in (signal.SIGTERM, signal.SIGKILL):
        for name, pid in before.items():
            if course.product.pids().get(name) == pid:
                with suppress(ProcessLookupError):
                    os.killpg(pid, number)
        time.sleep(GRACE_SECONDS)
    wait_for(lambda: not set(before) - course.product.pids().keys(), seconds=40, what="every process again")
    course.await_share(course.rng.uniform(0.5, 0.7))
    course.product.stop()
    course.product.start()
    course.recount()


def crash_before_ring(course: Course) -> None:
    """The launch is committed, and its process dies before it rings anybody: beat's own ring must do."""
    began = time.monotonic()
    course.launch("--dies")
    if course.await_that(course.texts_taken, 60, "nobody was texted"):
        course.notes.append(f"first text after {time.monotonic() - began:.0f} s")
    course.await_share(1.0)
    course.recount()
