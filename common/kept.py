"""What was read a moment ago, for threads that ask the same thousands of times and hardly ever get another
answer."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
FRESH_SECONDS = 1.0  # then one thread reads anew while the others go on with what is kept
KEPT_SECONDS = 2.0  # then every thread reads: what was taken away is honoured no longer than this


class Kept(Generic[K, V]):
    """Values by key, each kept for at most 2 s. Of what is empty nothing is kept: strangers fill no memory.

    Ages are counted from before the reading began.
    """

    def __init__(self, read: Callable[[K], V]) -> None:
        self._source = read
        self._kept: dict[K, tuple[V, float]] = {}
        self._reading = threading.Lock()

    def known(self, key: K) -> V | None:
        """What is kept and young enough; read anew where this thread is the one to do it."""
        found = self._kept.get(key)
        if found is None:
            return None
        value, read_at = found
        age = time.monotonic() - read_at
        if age < FRESH_SECONDS:
            return value
        if not self._reading.acquire(blocking=False):
            return value if age < KEPT_SECONDS else None
        try:
            return self.read(key)
        finally:
            self._reading.release()

    def read(self, key: K) -> V:
        """Read it now, and keep it."""
        began = time.monotonic()
        value = self._source(key)
        if value:
            self._kept[key] = value, began
        else:
            self._kept.pop(key, None)
        return value

    def forget(self) -> None:
        """Read anew whatever is asked next."""
        self._kept.clear()
