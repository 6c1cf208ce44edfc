"""Recording how calls ended, many at once, for as long as a sender lives."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from django.db import InterfaceError, OperationalError

from common import clock
from common.database_threads import DatabaseThread
from common.transactions import atomic_with_retry
from conversations import delivery, remedies
from conversations.candidates import Claim
from conversations.delivery import THROTTLED, CallResult
from conversations.handing_over import Source, slow_down, source_of
from integrations.messaging import ProviderError, Remedy

log = logging.getLogger(__name__)
End: TypeAlias = tuple[Claim, CallResult]
E = TypeVar("E")
PAUSE_SECONDS = 1.0  # of what was too fast, where the provider names no time
RECORD_AGAIN_SECONDS = 0.5  # after the database was away
LAST_WORDS_SECONDS = 10.0  # how long a sender that ends tries to record what it knows


class Recorder(Generic[E]):
    """Ends of calls that are not recorded yet, and the thread that records them. Leaving it waits for
    calls in flight.

    `write` records some of them; `gather_seconds` is how long further ends are waited for while calls in
    `in_flight` may end: a record of few costs the database as much as one of many.
    """

    def __init__(
        self,
        name: str,
        in_flight: set[asyncio.Task[None]],
        *,
        write: Callable[[Sequence[E]], None],
        gather_seconds: float,
    ) -> None:
        self.unrecorded = 0
        self._write = write
        self._in_flight, self._gather_seconds = in_flight, gather_seconds
        self._ended: list[E] = []
        self._news, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._thread = DatabaseThread(name)

    async def __aenter__(self) -> "Recorder[E]":
        self._work = asyncio.create_task(self._record())
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._in_flight:
            await asyncio.wait(self._in_flight)
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.error("the ends of %s calls could not be recorded", self.unrecorded)
        finally:
            self._work.cancel()
            await self._thread.close()

    def add(self, ends: Sequence[E]) -> None:
        """These calls ended; what is added together is recorded in one transaction."""
        self.unrecorded += len(ends)
        self._ended += ends
        self._idle.clear()
        self._news.set()

    async def _record(self) -> None:
        """Again where the database was away: what it does not know is lost with this process alone."""
        while True:
            await self._news.wait()
            if self._in_flight and self._gather_seconds:
                await asyncio.wait(self._in_flight, timeout=self._gather_seconds)
            self._news.clear()
            ended, self._ended = self._ended, []
            try:
                await self._thread.do(lambda ended=ended: self._write(ended))  # type: ignore[misc]
            except (OperationalError, InterfaceError):
                log.warning("the ends of %s calls are not recorded yet", len(ended), exc_info=True)
                self._ended = ended + self._ended
                await asyncio.sleep(RECORD_AGAIN_SECONDS)
                self._news.set()
                continue
            except Exception:
                log.exception("what the refusals among %s calls ask for is left to the sweep", len(ended))
            self.unrecorded -= len(ended)
            if not self.unrecorded:
                self._idle.set()


def settle(ended: Sequence[End]) -> None:
    """Record how calls ended, then act on what their refusals ask for."""
    record_apart([result for _, result in ended])
    errors = [(claim, r.result) for claim, r in ended if isinstance(r.result, ProviderError)]
    asking = [(claim.message_id, e.remedy, e.code) for claim, e in errors if e.remedy != Remedy.NONE]
    if asking:
        remedies.apply(asking, now=clock.now())
    pauses: dict[Source, float] = {}
    for claim, error in errors:
        if error.code in THROTTLED:
            pause = error.retry_after or PAUSE_SECONDS
            pauses[source_of(claim)] = max(pause, pauses.get(source_of(claim), 0.0))
    for source, pause in pauses.items():
        slow_down(source, pause)


@atomic_with_retry
def record(results: list[CallResult]) -> None:
    """Record how calls ended, one transaction for the batch."""
    delivery.record(results, now=clock.now())
    for result in results:
        if isinstance(result.result, ProviderError):
            log.info("call not accepted: %s", result.result.code)


def record_apart(results: list[CallResult]) -> None:
    """Record a batch; where one result breaks it, each alone. The broken one is left to the sweep.

    An unreachable database is no result's fault and is raised.
    """
    try:
        record(results)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("the ends of %s calls could not be recorded", len(results))
        if len(results) > 1:
            for result in results:
                record_apart([result])
