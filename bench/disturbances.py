"""The faults of `make faults`: what happens to a product while a launch is under way. Instants are drawn."""

import signal
import threading
import time
from collections.abc import Callable
from functools import partial

import redis

from bench.faulted import LAUNCH_SECONDS, Course
from config import embedded

KILLS = 3
STOPS = 50
PAUSE_LASTS = 4.0
# The provider accepts at once and answers late, so that every instant falls amid calls.
SLOW_ANSWERS = {"latency_seconds": 0.4}
WISHES = ("STOP", "stop", "Stop texting me please", "unsubscribe", "take me off your list", "RESET")

Disturbance = Callable[[Course], None]


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


def freeze_sending(course: Course) -> None:
    """The sender stands still for longer than its claims are valid, twice."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    for share in sorted(course.rng.uniform(0.05, 0.8) for _ in range(2)):
        course.await_share(share)
        pid = course.product.pids()["sending"]
        course.product.signal("sending", signal.SIGSTOP)
        time.sleep(course.rng.uniform(5, 8))
        if course.product.pids()["sending"] == pid:
            course.product.signal("sending", signal.SIGCONT)
    course.recount()


def flush_redis(course: Course) -> None:
    """Everything in Redis is gone: right after the launch, and twice amid the sending."""
    with redis.Redis.from_url(embedded.redis_url(course.product.data)) as server:
        course.launch()
        server.flushall()
        for share in sorted(course.rng.uniform(0.05, 0.9) for _ in range(2)):
            course.await_share(share)
            server.flushall()
    course.recount()


def misbehave(course: Course, **faults: object) -> None:
    """The provider misbehaves until most texts have been taken; some never will be."""
    course.provider.misbehave(seed=course.rng.randrange(1, 2**31), **faults)
    course.launch()
    course.await_share(course.rng.uniform(0.5, 0.75))
    course.recount()


def callbacks_repeated_reversed(course: Course) -> None:
    """Every callback three times, the final one before `sent`, some before the call's own answer."""
    course.provider.misbehave(
        seed=course.rng.randrange(1, 2**31),
        callbacks={"duplicate": 1.0, "reverse": True, "shuffle": True, "before_answer": True},
    )
    course.launch()
    course.await_share(1.0)
    course.recount()


def stop_amid_launch(course: Course) -> None:
    """Fifty customers (a tenth of fewer than 500) want no more texts, each at an instant of its own."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    phones = course.rng.sample(sorted(course.facts.zones), min(STOPS, course.recipients // 10))
    course.facts.stopping = frozenset(phones)
    threads = []
    for phone in phones:
        wait, wish = course.rng.uniform(0, LAUNCH_SECONDS), course.rng.choice(WISHES)
        threads.append(threading.Thread(target=_say, args=(course, phone, wish, wait)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    course.recount()


def _say(course: Course, phone: str, wish: str, wait: float) -> None:
    time.sleep(wait)
    course.provider.say(phone, wish, course.number)


def pause_amid_launch(course: Course) -> None:
    """The campaign is paused for a few seconds and goes on."""
    course.provider.misbehave(**SLOW_ANSWERS)
    course.launch()
    (campaign,) = course.campaigns
    course.await_share(course.rng.uniform(0.05, 0.4))
    paused = course.company("pause", str(campaign))["at"]
    time.sleep(PAUSE_LASTS)
    course.recount()
    resuming = time.time()
    course.company("resume", str(campaign))
    course.facts.pauses = [(paused, resuming)]


def double_launch(course: Course) -> None:
    """Four clicks on Launch at once."""
    course.clicks = 4
    course.launch()
    course.await_share(1.0)
    course.recount()


DISTURBANCES: dict[str, Disturbance] = {
    **{f"kill_{name}": partial(kill, name) for name in ("sending", "engine", "events", "web")},
    **{f"kill_{name}": partial(kill, name) for name in ("postgres", "redis", "sandbox", "bulk", "beat")},
    "freeze_sending": freeze_sending,
    "flush_redis": flush_redis,
    "callbacks_repeated_reversed": callbacks_repeated_reversed,
    "http_429": partial(misbehave, http_429=0.3),
    "drop_before_accept": partial(misbehave, drop_before_accept=0.2),
    "accept_then_drop": partial(misbehave, accept_then_drop=0.2),
    "error_after_accept": partial(misbehave, error_after_accept=0.2),
    "stop_amid_launch": stop_amid_launch,
    "pause_amid_launch": pause_amid_launch,
    "double_launch": double_launch,
}
