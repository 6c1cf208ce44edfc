"""Transactions that meet others: one place for retrying what Postgres rolled back to break a deadlock."""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction

P = ParamSpec("P")
R = TypeVar("R")
_RETRYABLE = {"40P01", "40001"}  # deadlock_detected, serialization_failure
_TRIES = 6


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
