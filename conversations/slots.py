"""Room for calls: how many at a time, and how much of it the calls of one connection may take.

A call that hangs gives its slot up, so that a provider who does not answer keeps nobody else waiting for
longer than that; what hangs takes its toll of the room for further calls over the same connection.
"""

import asyncio
from collections import Counter
from types import TracebackType

HANGS_AFTER_SECONDS = 2.0
_MOST_HANGING = 4  # times the slots: beyond that nothing more is claimed
_RATE_SECONDS = 0.5  # over which it is seen how fast calls end
_AHEAD_SECONDS = 0.25
_TOLL = 4  # slots that a connection loses by each of its calls that hang


class Slots:
    """The calls of one sender: `size` at a time that answer, and some more that do not."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = asyncio.Semaphore(size)
        self._claimed: Counter[int] = Counter()  # connection → texts claimed and not yet called to the end
        self._hanging: Counter[int] = Counter()

    @property
    def most(self) -> int:
        """Calls under way at the very most."""
        return self.size * (1 + _MOST_HANGING)

    def room(self, ahead: int) -> int:
        """Texts that may be claimed now, so that `ahead` of them wait for a slot to come free."""
        hanging = self._hanging.total()
        if hanging >= self.size * _MOST_HANGING:
            return 0
        return max(0, self.size + ahead - (self._claimed.total() - hanging))

    def room_by_connection(self) -> dict[int, int]:
        """Texts that may be claimed of connections whose calls hang; the others are absent."""
        return {
            connection_id: max(0, self.size - _TOLL * hanging - (self._claimed[connection_id] - hanging))
            for connection_id, hanging in self._hanging.items()
        }

    def slot(self, connection_id: int) -> "Slot":
        """A place for one claimed text: `async with slots.slot(…)` waits until it has one."""
        return Slot(self, connection_id)


class Ahead:
    """How many claimed texts wait for a slot: what is called in a moment, so that no free slot waits for the
    database, and that little waits where calls are slow.

    At least half as many as there are slots, at most twice as many: a sender that dies leaves them unknown.
    """

    def __init__(self, slots: int) -> None:
        self.now = slots // 2
        self._slots = slots
        self._calls, self._seen_at = 0, 0.0

    def look(self, calls: int, at: float) -> None:
        """So many calls have ended in all by `at` (monotonic seconds)."""
        if (passed := at - self._seen_at) < _RATE_SECONDS:
            return
        called_in_a_moment = int((calls - self._calls) / passed * _AHEAD_SECONDS)
        self.now = min(max(called_in_a_moment, self._slots // 2), 2 * self._slots)
        self._calls, self._seen_at = calls, at


class Slot:
    """One claimed text's place, from its claim until its call has ended."""

    def __init__(self, slots: Slots, connection_id: int) -> None:
        self._slots, self._connection_id = slots, connection_id
        self._timer: asyncio.TimerHandle | None = None
        self._hangs = False
        slots._claimed[connection_id] += 1

    async def __aenter__(self) -> "Slot":
        try:
            await self._slots._free.acquire()
        except BaseException:
            self._end()
            raise
        self._timer = asyncio.get_running_loop().call_later(HANGS_AFTER_SECONDS, self._hang)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._timer is not None
        self._timer.cancel()
        if self._hangs:
            self._less(self._slots._hanging)
        else:
            self._slots._free.release()
        self._end()

    def _hang(self) -> None:
        self._hangs = True
        self._slots._hanging[self._connection_id] += 1
        self._slots._free.release()

    def _end(self) -> None:
        self._less(self._slots._claimed)

    def _less(self, counter: Counter[int]) -> None:
        """One less; forgotten at none, so that memory stays bounded and absent means none."""
        counter[self._connection_id] -= 1
        if not counter[self._connection_id]:
            del counter[self._connection_id]
