"""Loops that end in time: short-lived ones in tasks, and the wish to stop that a worker has received.

The engine, the senders and the event drain are tasks that loop for a while each time they are rung.
A worker that is asked to stop says so through `request_stop` (`config.celery` connects the signal).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from django.db import connection

LONGEST_LOOP_SECONDS = 20.0
VENDORS = "vendors"  # for `only_one`: short work on `bulk` that waits for vendors
FILES = "files"  # for `only_one`: long work on `bulk` that makes files for people
_NAP_SLICE = 0.1
_stopping = False


def request_stop(*_: object, **__: object) -> None:
    """Ask every loop of this process to end; may be called from a signal handler."""
    global _stopping
    _stopping = True


def should_stop() -> bool:
    """Whether this process has been asked to end; long work looks between its batches."""
    return _stopping


def loop_until(seconds: float = LONGEST_LOOP_SECONDS) -> Iterator[float]:
    """Yield the seconds left (monotonic), until they are over or the process is asked to end.

    The first round always runs, unless the process is ending: `for _ in loop_until(20): ...`.
    """
    deadline = time.monotonic() + seconds
    left = seconds
    while left > 0 and not should_stop():
        yield left
        left = deadline - time.monotonic()


def nap(seconds: float) -> None:
    """Sleep, waking early when the process is asked to end."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not should_stop():
        time.sleep(min(left, _NAP_SLICE))


def key_of(name: str) -> int:
    """The advisory lock of the work called `name`."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """True for the one process that holds the work called `name`, False for every other.

    A Postgres advisory lock of this session: it ends with the connection, whatever happens to the process.
    """
    key = key_of(name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        held = cursor.fetchone() == (True,)
    try:
        yield held
    finally:
        if held and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
