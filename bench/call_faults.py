"""What happens amid calls: the sender, the agents' process or the web die at the instants that hurt, the
provider loses its answers, refuses, repeats its news, and customers press 9 or say STOP.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench import call_company
from bench.called import CallCourse
from bench.deaths import stand_still
from bench.faulted import Course
from bench.people import WISHES

SLOW_ANSWERS = {"latency_seconds": 0.4}
IN_HAND_SECONDS = 5.0  # at most until the sender has a call in its hands
Disturbance = Callable[[Course], None]


def amid_calls(disturb: Callable[[CallCourse], None]) -> Disturbance:
    """A disturbance that wants a course of calls."""

    def checked(course: Course) -> None:
        assert isinstance(course, CallCourse)
        disturb(course)

    return checked


def misbehaving(**faults: Any) -> Disturbance:
    """The provider of calls misbehaves until most of them have been taken; some never will be."""

    def misbehave(course: CallCourse) -> None:
        course.provider.misbehave(seed=course.rng.randrange(1, 2**31), calls=faults)
        course.launch()
        course.await_share(course.rng.uniform(0.5, 0.75))
        course.recount()

    return amid_calls(misbehave)


@amid_calls
def kill_sending(course: CallCourse) -> None:
    """kill -9 the sender thrice with calls in its hands: between the claim's commit and the record."""
    course.provider.misbehave(calls=SLOW_ANSWERS)
    course.launch()
    for share in sorted(course.rng.uniform(0.02, 0.8) for _ in range(3)):
        course.await_share(share)
        _kill_in_hand(course)
    course.recount()


@amid_calls
def kill_before_claim(course: CallCourse) -> None:
    """The sender dies while its claim waits for the phones' locks: nothing was committed."""
    course.product.signal("sending", signal.SIGSTOP)
    course.launch()
    queued = "select 1 from conversations_plannedcall where state = 'queued' and mode = 'script' limit 1"
    course.await_that(lambda: course.database.rows(queued), 60, "nobody was to be called")
    waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with psycopg.connect(**course.database.place) as other:
        other.execute("select 1 from audiences_address order by id for no key update")
        course.product.signal("sending", signal.SIGCONT)
        course.await_that(lambda: course.database.rows(waits), 30, "nothing was claimed")
        time.sleep(course.rng.uniform(0, 0.3))
        course.product.kill("sending", restart_within=30)
    course.recount()


@amid_calls
def kill_before_record(course: CallCourse) -> None:
    """The sender dies with answers under way, twice; no callback ever tells what became of them."""
    course.provider.misbehave(calls={"latency_seconds": 2.0, "callbacks": {"drop": 1.0}})
    course.launch()
    for share in sorted(course.rng.uniform(0.1, 0.8) for _ in range(2)):
        course.await_share(share)
        _kill_in_hand(course)
    course.recount()


def _kill_in_hand(course: CallCourse) -> None:
    """kill -9 the sender as soon as it has a call in its hands."""
    deadline = time.monotonic() + IN_HAND_SECONDS
    while not course.being_placed() and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(course.rng.uniform(0, 0.3))
    course.product.kill("sending", restart_within=30)


@amid_calls
def freeze_sending(course: CallCourse) -> None:
    """The sender stands still for longer than its claims are valid, twice."""
    course.provider.misbehave(calls=SLOW_ANSWERS)
    course.launch()
    for share in sorted(course.rng.uniform(0.05, 0.7) for _ in range(2)):
        course.await_share(share)
        stand_still(course, course.rng.uniform(5, 8))
    course.recount()


@amid_calls
def kill_agents(course: CallCourse) -> None:
    """The process that places agents' calls dies thrice; whom they had open is the next one's."""
    course.provider.misbehave(calls=SLOW_ANSWERS)
    course.launch()
    for _ in range(3):
        time.sleep(course.rng.uniform(1.0, 4.0))
        course.kill_agents()
    course.recount()


@amid_calls
def kill_web(course: CallCourse) -> None:
    """The web dies twice while calls ask it what to say, and keys are pressed."""
    with _before_the_first_call(course):
        for phone in sorted(course.facts.zones):
            key = course.rng.choice(("", call_company.CALL_BACK, call_company.STOP))
            if key and phone in course.agreed:
                _presses(course, phone, key)
    for share in sorted(course.rng.uniform(0.1, 0.8) for _ in range(2)):
        course.await_share(share)
        course.product.kill("web", restart_within=30)
    course.recount()


@amid_calls
def stop_amid_calls(course: CallCourse) -> None:
    """A fifth press 9 when they are called; another fifth say STOP by text, each at an instant of its own,
    some before they are called, some while it rings."""
    course.provider.misbehave(calls=SLOW_ANSWERS)
    with _before_the_first_call(course):
        phones = sorted(course.facts.zones)
        course.rng.shuffle(phones)
        fifth = len(phones) // 5
        pressing, writing = phones[:fifth], phones[fifth : 2 * fifth]
        for phone in pressing:
            _presses(course, phone, call_company.STOP)
    course.facts.stopping = frozenset(writing)
    threads = [
        threading.Thread(
            target=_say, args=(course, phone, course.rng.choice(WISHES), course.rng.uniform(0, 12))
        )
        for phone in writing
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    course.recount()


def _say(course: CallCourse, phone: str, wish: str, wait: float) -> None:
    time.sleep(wait)
    course.provider.say(phone, wish, course.number)


def _presses(course: CallCourse, phone: str, key: str) -> None:
    """Whoever has this phone presses this key when they are asked for one."""
    course.provider.call("POST", f"/phones/{phone}", json={"answers": "human", "rings": 3, "keys": [key]})


@contextmanager
def _before_the_first_call(course: CallCourse) -> Iterator[None]:
    """Launch, and let the sender begin only once the block is done."""
    course.product.signal("sending", signal.SIGSTOP)
    course.launch()
    yield
    course.product.signal("sending", signal.SIGCONT)


FAULTS: dict[str, Disturbance] = {
    "kill_call_sending": kill_sending,
    "kill_before_call_claim": kill_before_claim,
    "kill_before_call_record": kill_before_record,
    "freeze_call_sending": freeze_sending,
    "kill_call_agents": kill_agents,
    "kill_web_amid_calls": kill_web,
    "call_accept_then_drop": misbehaving(accept_then_drop=0.3),
    "call_drop_before_accept": misbehaving(drop_before_accept=0.3),
    "call_error_after_accept": misbehaving(error_after_accept=0.3, callbacks={"drop": 0.5}),
    "call_timeout_after_accept": misbehaving(slow={"rate": 0.1, "seconds": 35.0}),
    "call_http_429": misbehaving(http_429=0.3),
    "call_news_repeated_reversed": misbehaving(
        callbacks={"duplicate": 1.0, "reverse": True, "shuffle": True, "before_answer": True},
        documents={"repeat": 1.0},
    ),
    "stop_amid_calls": stop_amid_calls,
}
