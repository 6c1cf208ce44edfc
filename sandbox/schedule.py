"""Everything that will happen later: a heap, with durable rows for what a restart must not forget."""

import asyncio
import heapq
import itertools
import json
from collections.abc import Callable
from typing import Any

from sandbox.clock import Clock
from sandbox.store import Store, compact

BATCH_SECONDS = 0.003
EVENTS_PER_TURN = 200

Handler = Callable[[int, dict[str, Any]], None]


class Schedule:
    """Calls `handlers[kind](timer_id, data)` when due. Durable timers stay until `done(timer_id)`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._heap: list[tuple[float, int, str, int, dict[str, Any]]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self.handlers: dict[str, Handler] = {}

    def add(self, due: float, kind: str, data: dict[str, Any]) -> int:
        """A durable timer at real time `due`; it fires again after a restart until it is done."""
        cursor = self._store.write(
            "INSERT INTO timers (due, kind, data) VALUES (?, ?, ?)",
            (due, kind, compact(data)),
        )
        timer_id = cursor.lastrowid or 0
        self.push(due, kind, data, timer_id)
        return timer_id

    def push(self, due: float, kind: str, data: dict[str, Any], timer_id: int = 0) -> None:
        """A timer whose truth is kept elsewhere (or already has its row)."""
        heapq.heappush(self._heap, (due, next(self._order), kind, timer_id, data))
        if self._heap[0][0] >= due:
            self._wake.set()

    def done(self, timer_id: int) -> None:
        """Forget a durable timer, in the same transaction as what it caused."""
        if timer_id:
            self._store.write("DELETE FROM timers WHERE id = ?", (timer_id,))

    def load(self) -> int:
        """Take up the timers of an earlier process; returns how many."""
        rows = self._store.read("SELECT id, due, kind, data FROM timers")
        for row in rows:
            self.push(row["due"], row["kind"], json.loads(row["data"]), row["id"])
        return len(rows)

    def clear(self) -> None:
        """Forget everything that was to come; the rows are the caller's to delete."""
        self._heap.clear()

    def pending(self) -> dict[str, int]:
        """How many timers of each kind wait."""
        counts: dict[str, int] = {}
        for _, _, kind, _, _ in self._heap:
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    def undone(self) -> int:
        """How many durable timers wait or have begun what is not done yet."""
        return int(self._store.read("SELECT count(*) FROM timers")[0][0])

    async def run(self) -> None:
        """Fire timers until cancelled; sleeps while nothing is due."""
        while True:
            now = self._clock.real()
            for _ in range(EVENTS_PER_TURN):
                if not self._heap or self._heap[0][0] > now:
                    break
                _, _, kind, timer_id, data = heapq.heappop(self._heap)
                self.handlers[kind](timer_id, data)
            if self._heap and self._heap[0][0] <= now:
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            wait = max(BATCH_SECONDS, self._heap[0][0] - now) if self._heap else None
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
                await asyncio.sleep(BATCH_SECONDS)
            except TimeoutError:
                pass
