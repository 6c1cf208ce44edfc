"""Many requests, one commit: each waits until what it brought is durable, and they share the price of that.

One thread with one connection writes everything that waits at this moment, commits once, and tells them all.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection

_BATCH = 500
_IDLE_SECONDS = 5.0  # then the thread gives its connection back

Item = TypeVar("Item")
Told = TypeVar("Told")


class NotCommitted(Exception):
    """What was brought is not proved stored: in time, or at all."""


class _Waiting(Generic[Item, Told]):
    """An item and what became of it, told by releasing a lock: the cheapest way to wake one thread."""

    __slots__ = ("_answer", "_error", "_told", "given_up", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self._answer: list[Told] = []
        self._error: Exception | None = None
        self.given_up = False  # nobody waits any more: writing it would help nobody
        self._told = threading.Lock()
        self._told.acquire()

    def tell(self, answer: Told) -> None:
        """It is committed."""
        self._answer = [answer]
        self._told.release()

    def fail(self, error: Exception) -> None:
        """It is not."""
        self._error = error
        self._told.release()

    def wait(self, seconds: float) -> Told:
        """What the writer says of the item. Raises NotCommitted."""
        if not self._told.acquire(timeout=seconds):
            self.given_up = True
            raise NotCommitted("not in time")
        if self._error is not None:
            raise NotCommitted(str(self._error)) from self._error
        return self._answer[0]


class GroupCommit(Generic[Item, Told]):
    """Writes items of one kind for all threads of this process.

    `write` stores a batch in a transaction of its own and says one thing of each item, in their order. It may
    be called again with what it had stored, where a connection died at its commit.
    """

    def __init__(self, name: str, write: Callable[[Sequence[Item]], Sequence[Told]]) -> None:
        self._name = name
        self._write = write
        self._queue: queue.SimpleQueue[_Waiting[Item, Told]] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, item: Item, seconds: float) -> Told:
        """Wait until `item` is committed, at most so long. Raises NotCommitted."""
        # Given back before the wait: handlers that held every connection of the pool would leave none for
        # the thread they wait for.
        connection.close()
        waiting: _Waiting[Item, Told] = _Waiting(item)
        self._queue.put(waiting)
        self._ensure_running()
        return waiting.wait(seconds)

    def _ensure_running(self) -> None:
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._commit(batch)
        finally:
            connection.close()

    def _next_batch(self) -> list[_Waiting[Item, Told]]:
        """Everything that waits now, at most 500; empty after a quiet while, which ends the thread."""
        try:
            batch = [self._queue.get(timeout=_IDLE_SECONDS)]
        except queue.Empty:
            with self._guard:
                if not self._queue.empty():
                    return [self._queue.get()]
                self._thread = None  # whoever comes next starts another
            return []
        while len(batch) < _BATCH:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: list[_Waiting[Item, Told]]) -> None:
        live = [waiting for waiting in batch if not waiting.given_up]
        if not live:
            return
        try:
            answers = self._write_twice([waiting.item for waiting in live])
        except (DataError, IntegrityError) as exc:
            # One item the database cannot take; it must not hold up those that arrived with it.
            if len(live) == 1:
                self._fail(live, exc)
            else:
                for waiting in live:
                    self._commit([waiting])
            return
        except Exception as exc:
            self._fail(live, exc)
            return
        for waiting, answer in zip(live, answers, strict=True):
            waiting.tell(answer)

    def _write_twice(self, items: Sequence[Item]) -> Sequence[Told]:
        """Write; once more on a new connection where the old one had died while idle, or on a deadlock."""
        try:
            return self._write(items)
        except (DataError, IntegrityError):
            raise
        except (DatabaseError, InterfaceError):
            connection.close()
            return self._write(items)

    def _fail(self, live: list[_Waiting[Item, Told]], exc: Exception) -> None:
        connection.close()
        for waiting in live:
            waiting.fail(exc)
