"""A provider that refuses, loses its answers, hangs, or tells its news thrice, backwards and late."""

import time
from collections.abc import Callable
from datetime import timedelta

from bench import looks
from bench.faulted import Course, clock_of

SPANS_SECONDS = 2.0  # over which the rate of a number is looked at
BURST_SECONDS = 1.0  # half a second of it may leave at once; requests reach the provider unevenly
TIMES_OUT_SECONDS = 35.0  # the product gives up after 30
HANGS_SECONDS = 28.0
PROMPT_SECONDS = 3.0


def misbehave(course: Course, **faults: object) -> None:
    """The provider misbehaves until most texts have been taken; some never will be."""
    course.provider.misbehave(seed=course.rng.randrange(1, 2**31), **faults)
    course.launch()
    course.await_share(course.rng.uniform(0.5, 0.75))
    course.recount()


def refuse(course: Course) -> None:
    """Three requests of ten get 429: the number keeps to its rate all the same."""
    from_here = course.provider.skip_past()
    misbehave(course, http_429=0.3)
    requests = [
        entry["received_at"]
        for kind in ("message", "refusal")
        for entry in course.provider.entries(kind, from_here)
    ]
    most = course.rate * (SPANS_SECONDS + BURST_SECONDS)
    if (found := most_within(sorted(requests), SPANS_SECONDS)) > most:
        course.complain(f"{found} requests within {SPANS_SECONDS:.0f} s, not {most:.0f} at most")


def most_within(instants: list[float], seconds: float) -> int:
    """The most of these sorted instants that any span of so many seconds holds."""
    most = first = 0
    for last, instant in enumerate(instants):
        while instants[first] < instant - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def time_out(course: Course) -> None:
    """The provider takes some texts and answers when nobody listens any more."""
    course.provider.misbehave(
        seed=course.rng.randrange(1, 2**31), slow={"rate": 0.1, "seconds": TIMES_OUT_SECONDS}
    )
    course.launch()
    course.await_share(1.0)
    course.recount()


def hang(course: Course) -> None:
    """Every call hangs for 28 s; pages, replies, the engine and ServiceTitan go on meanwhile."""
    course.provider.misbehave(slow={"rate": 1.0, "seconds": HANGS_SECONDS})
    course.launch()
    course.await_share(min(0.1, 50 / course.recipients))
    customer = looks.add_customer(course)
    course.company("ring", "1")
    prompt(course, "a page", lambda: course.product.status("/login/") == 200)
    texted = course.rng.choice(sorted({text["to"] for text in course.texts}))
    prompt(course, "a reply", lambda: course.provider.say(texted, "How much?", course.number, "question"))
    course.await_that(
        lambda: not looks.missing_customers(course, [customer]), 20, "ServiceTitan's customer did not come"
    )
    course.await_that(lambda: not looks.due_steps(course), 20, "the engine left steps due")
    course.provider.heal()
    course.recount()


def prompt(course: Course, what: str, act: Callable[[], object]) -> None:
    """Complain where this takes longer than a person waits, or fails."""
    began = time.monotonic()
    done = act()
    seconds = time.monotonic() - began
    if not done or seconds > PROMPT_SECONDS:
        course.complain(f"{what} took {seconds:.1f} s" if done else f"{what} failed")


def tell_thrice_reversed(course: Course) -> None:
    """Every callback three times, the final one before `sent`, some before the call's own answer."""
    course.provider.misbehave(
        seed=course.rng.randrange(1, 2**31),
        callbacks={"duplicate": 1.0, "reverse": True, "shuffle": True, "before_answer": True},
    )
    course.launch()
    course.await_share(1.0)
    course.recount()


def tell_late(course: Course) -> None:
    """Half of the callbacks come after an hour, when the clock has moved on."""
    course.provider.misbehave(
        seed=course.rng.randrange(1, 2**31),
        callbacks={"delay_rate": 0.5, "delay_seconds": 8.0, "duplicate": 0.5},
    )
    course.launch()
    course.await_share(0.9)
    course.set_clock(clock_of(course.product) + timedelta(hours=1))
    course.await_share(1.0)
    course.recount()
