"""Counting for somebody who waits: never longer than they would, and not for what they have left behind.

A count is one statement over the whole customer base. It gets an end (`seconds`), room for its hashes, and a
name: the next count for the same page cancels the one under way, whose answer nobody wants any more.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, transaction
from psycopg.errors import QueryCanceled

from common import sql

FIRST_PAINT = 0.015  # seconds that a page which just opens waits for its count; then it comes by itself
AT_ONCE, AT_LENGTH = 5.0, 60.0  # seconds that a page waits before it says so, and that the next try gets
_LOCK_CLASS = 7105  # advisory locks of this module, beside a hash of who asks
_ROOM = "64MB"  # work_mem of a count: what a million contacts are compared with fits in memory


class TakesLonger(Exception):
    """The count was given up after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"counting takes longer than {seconds:g} s")
        self.seconds = seconds


class Superseded(Exception):
    """Whoever asked asks something else meanwhile."""


@contextmanager
def within(seconds: float, *, asked_by: str = "") -> Iterator[None]:
    """Run the block's queries, each at most so long. Raises TakesLonger.

    `asked_by` names whoever waits, such as a person's open page. Counts of that name still under way are
    ended, those of a longer name that begins with it and a slash, too: they raise Superseded.
    """
    began = time.monotonic()
    if asked_by:
        _cancel(asked_by)
    try:
        with transaction.atomic():
            before = _limits(f"{seconds * 1000:.0f}", _ROOM, _called(asked_by) if asked_by else "")
            yield
            _limits(*before)
            if asked_by:  # whoever cancels has this lock: the signal finds this count, not what comes next
                _lock(asked_by)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        if asked_by and time.monotonic() - began < seconds:
            raise Superseded from error
        raise TakesLonger(seconds) from error


def _limits(timeout: str, room: str, name: str) -> tuple[str, str, str]:
    """Set them until the end of the transaction; what they were."""
    ((timeout, room, name, *_),) = sql.rows(
        "SELECT current_setting('statement_timeout'), current_setting('work_mem'),"
        " current_setting('application_name'), set_config('statement_timeout', %s, true),"
        " set_config('work_mem', %s, true), set_config('application_name', %s, true)",
        [timeout, room, name],
    )
    return timeout, room, name


@transaction.atomic
def _cancel(asked_by: str) -> None:
    _lock(asked_by)
    name = _called(asked_by)
    sql.run(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE (application_name = %s OR starts_with(application_name, %s))"
        " AND datname = current_database() AND pid <> pg_backend_pid()",
        [name, f"{name}/"],
    )


def _lock(asked_by: str) -> None:
    sql.run("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, asked_by.split("/")[0]])


def _called(asked_by: str) -> str:
    return f"truckroll counts {asked_by}"[:63]  # as long as the server keeps
