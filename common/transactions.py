"""Transactions that meet others: retried where Postgres rolled them back to break a deadlock, and those that
are only tried out and keep nobody waiting."""

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar
from uuid import uuid4

from django.db import OperationalError, transaction

P = ParamSpec("P")
R = TypeVar("R")
_RETRYABLE = {"40P01", "40001"}  # deadlock_detected, serialization_failure
_TRIES = 6
_tried_out: ContextVar[bool] = ContextVar("tried_out", default=False)


def atomic_with_retry(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in a transaction, again from the start when Postgres chose it to break a deadlock.

    Use it only where running again from the start is harmless: all effects are rows of this transaction.
    Inside an outer transaction it does not retry, since that one is lost as a whole.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        connection = transaction.get_connection()
        if connection.in_atomic_block:
            return function(*args, **kwargs)
        for attempt in range(_TRIES):
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if state not in _RETRYABLE or attempt == _TRIES - 1:
                    raise
                time.sleep(random.uniform(0.005, 0.05) * (attempt + 1))
        raise AssertionError("unreachable")

    return wrapper


@contextmanager
def tried_out() -> Iterator[None]:
    """A transaction that is rolled back whatever happens in it, for what is only looked at.

    Inside, locks that put commits in order are not taken, and rows that others would fill in, too, are not
    stored (`is_tried_out`) or under a key of their own (`digest_to_insert`): nothing of it is ever committed,
    so nobody has to wait for it.
    """
    with transaction.atomic():
        token = _tried_out.set(True)
        try:
            yield
        finally:
            _tried_out.reset(token)
            transaction.set_rollback(True)


def is_tried_out() -> bool:
    """Whether what this very thread does now will be rolled back for certain."""
    return _tried_out.get()


def digest_to_insert(digest: str) -> str:
    """The unique digest to insert a row with that whoever has the same content shares: that of its content.
    What is tried out gets one that nobody else has: who inserts the same for real must not wait for it.

    Look for the row by the digest of its content first.
    """
    return f"tried:{uuid4().hex}" if is_tried_out() else digest
