"""`make bench` or `make bench NAME=<group>`: measurements as JSON lines on standard output.

    {"name", "n", "value", "unit", "baseline", "baseline_value", "ratio"}

`value` and `baseline_value` are rates unless `unit` says otherwise; `ratio` is ours ÷ baseline, in time for
`counters_cost…` and whatever is named flatness (large ÷ small). Words for people go to standard error. Every
group runs on a database server of its own, made for it and removed afterwards; DATABASE_URL is ignored.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bench import ground
from bench.measurement import Measurement
from common import clock


def engine() -> Iterator[Measurement]:
    """What the engine costs over bare SQL, against one task per contact and beside millions of steps, and how
    long a small campaign waits beside a large one."""
    from bench.celery_contest import engine_vs_celery_tuned
    from bench.contractor import WAITED
    from bench.engine import engine_vs_sql
    from bench.fairness import fairness_small_wait
    from bench.flatness import engine_flatness

    yield engine_vs_sql()
    yield engine_vs_celery_tuned()
    yield from engine_flatness()
    clock.set_offset(WAITED - datetime.now(UTC))
    yield fairness_small_wait()


def launch() -> Iterator[Measurement]:
    """What taking an audience in costs over bare SQL."""
    from bench.launch import launch_vs_sql

    yield launch_vs_sql()


def counters() -> Iterator[Measurement]:
    """What counting by triggers costs the engine, and at most."""
    from bench.counted_writes import counted_writes
    from bench.counters import counters_cost

    yield counters_cost()
    yield counted_writes()


def dashboard() -> Iterator[Measurement]:
    """What reading the figures and every page costs at millions of steps, what it costs where nothing
    changed, and what hundreds of open tabs cost."""
    from bench.pages import measurements

    yield from measurements()


def sending() -> Iterator[Measurement]:
    """What claiming, gate and records cost a sender over the bare client."""
    from bench.sending import sending_vs_loop

    yield sending_vs_loop()


def email() -> Iterator[Measurement]:
    """How many recipients a second one sender process hands over to a real sandbox, and how many events of
    emails a second are taken in and applied."""
    from bench.email_events import email_events
    from bench.emails import email_send

    yield email_events()  # first: it takes every message there is for its own
    yield email_send()


def events() -> Iterator[Measurement]:
    """What storing status callbacks costs over verifying them, and applying them over bare SQL."""
    from bench.events import measurements

    yield from measurements()


def links() -> Iterator[Measurement]:
    """What keeping every click costs over the same redirect without, against an insert in each request."""
    from bench.links import measurements

    yield from measurements()


def churn() -> Iterator[Measurement]:
    """Whether minutes of work on the same people slow it down."""
    from bench.churn import churn

    yield churn()


def editor() -> Iterator[Measurement]:
    """How long a workflow of sixty steps takes to be laid out in the editor, in a browser."""
    from bench.editor import measurements

    yield from measurements()


def audience() -> Iterator[Measurement]:
    """What applying pages of a contractor's customer base, and a file of contacts, cost over bare SQL; how
    long finding one of a million people takes, and counting an audience of them over SQL by hand."""
    from bench.audience_count import audience_count
    from bench.contact_search import contact_search_p95
    from bench.import_rows import import_rows
    from bench.sync_apply import sync_apply

    yield sync_apply()
    yield import_rows()
    yield contact_search_p95()
    yield audience_count()


def exports() -> Iterator[Measurement]:
    """What a download costs over bare COPY of the same rows, and whether its memory stays flat."""
    from bench.exports import exports as measured

    yield from measured()


GROUPS: dict[str, Callable[[], Iterator[Measurement]]] = {
    "engine": engine,
    "launch": launch,
    "counters": counters,
    "dashboard": dashboard,
    "sending": sending,
    "email": email,
    "events": events,
    "links": links,
    "churn": churn,
    "audience": audience,
    "editor": editor,
    "exports": exports,
}
LATER = (
    "rehearsal",
    "inbox",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Run the named groups, or all; 2 for a name that is no group."""
    unknown = sorted(set(names) - set(GROUPS) - set(LATER))
    if unknown:
        print(f"No group {', '.join(unknown)}. Groups: {', '.join([*GROUPS, *LATER])}.", file=sys.stderr)
        return 2
    for name in names or [*GROUPS, *LATER]:
        if name in LATER:
            print(f"{name}: not measured yet; it comes with what it measures.", file=sys.stderr)
            continue
        with ground.database():
            for measurement in GROUPS[name]():
                print(measurement.as_json(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
