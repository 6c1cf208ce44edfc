"""The sender of this process, kept from one task to the next: calls that hang hold up no task.

A task claims for a while and returns; what it called goes on in a thread of its own and is recorded there.
The next task finds the same sender. Only the end of the process waits for the calls under way.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from django.conf import settings

from common import loops
from conversations.sender import Sender

T = TypeVar("T")


class _Kept:
    """The sender of this process, in a thread of its own: its calls go on between one task and the next."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sender", daemon=True)
        self._thread.start()
        self._sender = self._do(self._open())

    async def _open(self) -> Sender:
        return await Sender(settings.SENDER_CONCURRENCY).__aenter__()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def send(self, seconds: float) -> int:
        """Claim and call for a while."""
        return self._do(self._sender.send(seconds))

    def finish(self) -> None:
        """Wait for what is under way, record it, end the thread."""
        try:
            self._do(self._sender.__aexit__())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


_kept: _Kept | None = None


def send_on(seconds: float) -> int:
    """Send for at most `seconds`; how many calls ended. Calls that hang hold nobody up: they go on
    until the next time, or until the process is asked to end."""
    global _kept
    if _kept is None:
        _kept = _Kept()
    try:
        return _kept.send(seconds)
    finally:
        if loops.should_stop():
            finish()


def finish() -> None:
    """Wait for the calls of this process and record them. It may be asked at any time, and twice."""
    global _kept
    kept, _kept = _kept, None
    if kept is not None:
        kept.finish()
