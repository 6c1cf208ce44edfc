"""The sender: one event loop that claims, calls the provider and records, all three at the same time.

Database work runs in two threads, one that leases and claims ahead while calls are under way, one that
records how they ended; so the loop never blocks. Vendors are called between the commits of `claiming.claim`
and `record`, never inside a transaction.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from common import clock, loops
from common.transactions import atomic_with_retry
from common.turns import Turns
from conversations import claiming, delivery, email_leasing, leasing, remedies
from conversations.claim_size import ClaimSize
from conversations.claiming import Claim
from conversations.delivery import HELD_BACK, THROTTLED, CallResult
from conversations.handing_over import Client, Clients, Source, hand_over, slow_down, source_of
from conversations.models import Message
from conversations.slots import Ahead, Slots
from integrations.messaging import ProviderError, Receipt, Remedy

log = logging.getLogger(__name__)
T = TypeVar("T")
CLAIM_VALID_SECONDS = 3.0
BATCH = 400
GATHER_SECONDS = 0.03  # free slots are waited for, so that a batch is worth its statements
RECORD_EVERY_SECONDS = 0.1  # and ends of calls: a record of few costs the database as much as one of many
IDLE_SECONDS = 0.1
PAUSE_SECONDS = 1.0  # of a number that was too fast, where the provider names no time
EMAIL_SHARE = 4  # of the slots: a slow mail provider holds its own alone, and texts go on
RECORD_AGAIN_SECONDS = 0.5  # after the database was away
LAST_WORDS_SECONDS = 10.0  # how long a sender that ends tries to record what it knows
MOST_UNRECORDED = 10  # times the slots: nothing more is claimed while so many ends wait to be recorded


def run(seconds: float, *, concurrency: int | None = None, until_idle: bool = False) -> int:
    """Send for at most `seconds` (or until the process is asked to end); returns the calls made.

    Ends when the last call has ended. `until_idle` ends as soon as nothing is due and nothing is in flight,
    for tests and drains.
    """

    async def send() -> int:
        async with Sender(concurrency or settings.SENDER_CONCURRENCY) as sender:
            await sender.send(seconds, until_idle=until_idle)
        return sender.calls

    return asyncio.run(send())


class Sender:
    """One process's calls: claimed, under way, or ended and not yet recorded. All three are bounded.

    `async with` it inside an event loop; leaving it waits for what is under way and records it.
    """

    def __init__(self, concurrency: int) -> None:
        self.calls = 0
        self._texts = Slots(concurrency)
        self._emails = Slots(max(1, concurrency // EMAIL_SHARE))
        self._ahead = Ahead(concurrency)
        self._size = ClaimSize(BATCH)
        self._emails_again = 0.0  # monotonic: when emails are looked for next
        self._in_flight: set[asyncio.Task[None]] = set()
        self._results: list[tuple[Claim, CallResult]] = []
        self._unrecorded = 0
        self._news = asyncio.Event()
        self._recorded = asyncio.Event()
        self._recorded.set()
        self._held_until: dict[Source, float] = {}  # monotonic; its provider said that we are too fast
        self._turns = Turns()
        self._claimer = ThreadPoolExecutor(1, "sender-claims")
        self._recorder = ThreadPoolExecutor(1, "sender-records")
        self._clients = Clients(texts=self._texts.most, emails=self._emails.most)

    async def __aenter__(self) -> "Sender":
        await self._clients.__aenter__()
        self._recording = asyncio.create_task(self._record())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            while self._in_flight:
                await asyncio.wait(self._in_flight)
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._recorded.wait()
        except TimeoutError:
            log.error("the ends of %s calls could not be recorded", self._unrecorded)
        finally:
            self._recording.cancel()
            await self._clients.__aexit__()
            for executor in (self._claimer, self._recorder):
                await _in(executor, lambda: connection.close())  # of that thread
                executor.shutdown()

    async def send(self, seconds: float, *, until_idle: bool = False) -> int:
        """Claim and call until the time is over; returns the calls that ended. What is under way goes on.

        Raises the database's errors; what was called is recorded all the same.
        """
        deadline, before = time.monotonic() + seconds, self.calls
        self._clients.forget()  # credentials are read once in so many seconds
        while time.monotonic() < deadline and not loops.should_stop():
            texts, emails = self._rooms()
            pause = GATHER_SECONDS
            if texts or emails:
                leased = await self._claim(texts, emails)
                if until_idle and not (leased or self._in_flight or self._unrecorded):
                    break
                # A number that gives little at a time is not asked for every single text.
                pause = 0.0 if leased > texts // 2 else IDLE_SECONDS
            await asyncio.sleep(pause)
        return self.calls - before

    def _rooms(self) -> tuple[int, int]:
        """Texts and emails to claim now. While others are called, until many can be: few cost as much.

        Where no email was found, none is looked for again at once: most accounts send few.
        """
        if self._unrecorded > self._texts.size * MOST_UNRECORDED:
            return 0, 0
        most = self._size.now
        self._ahead.look(self.calls, time.monotonic())
        ahead = self._ahead.now
        texts = min(self._texts.room(ahead), most)
        if self._in_flight and texts < min(max(ahead // 2, 1), most):
            texts = 0
        emails = min(self._emails.room(0), most) if time.monotonic() >= self._emails_again else 0
        return texts, emails

    async def _claim(self, texts: int, emails: int) -> int:
        """Lease and claim at most so many and begin to call them; how many were leased."""
        hanging = self._texts.room_by_connection()

        def work() -> tuple[int, list[Claim], float]:
            now, turns = clock.now(), self._turns
            leased = leasing.lease(texts, now=now, turns=turns, by_connection=hanging) if texts else []
            if emails:
                found = email_leasing.lease(emails, now=now, turns=turns)
                self._emails_again = 0.0 if found else time.monotonic() + IDLE_SECONDS
                leased += found
            born = time.monotonic()  # from before the claim
            return len(leased), claim_apart(leased) if leased else [], born

        leased, claims, born = await _in(self._claimer, work)
        if leased:
            self._size.took(time.monotonic() - born)
        for claim in claims:
            client = self._clients.known(claim.connection_id)
            if client is None:
                client = await _in(self._claimer, partial(self._clients.read, claim.connection_id))
            task = asyncio.create_task(self._call(client, claim, born))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
        return leased

    async def _call(self, client: Client | ProviderError, claim: Claim, born: float) -> None:
        """Hand one message over. Whatever goes wrong is a result: one message never ends the loop."""
        result: Receipt | ProviderError
        slots = self._emails if claim.is_email else self._texts
        try:
            async with slots.slot(claim.connection_id):
                if isinstance(client, ProviderError):
                    raise client
                self._check_pace(source_of(claim))
                result = await hand_over(client, claim, not_after=born + CLAIM_VALID_SECONDS)
        except ProviderError as error:
            result = error
            if error.code in THROTTLED:
                self._hold_back(source_of(claim), error.retry_after or PAUSE_SECONDS)
        except Exception as error:
            log.exception("message %s: the call broke", claim.message_id)
            words = f"The call broke: {type(error).__name__}"
            result = ProviderError(words, permanent=False, accepted="unknown", code="broken")
        self.calls += 1
        self._unrecorded += 1
        self._recorded.clear()
        self._results.append((claim, CallResult(claim.message_id, claim.attempt_id, result)))
        self._news.set()

    def _hold_back(self, source: Source, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._held_until[source] = max(until, self._held_until.get(source, 0.0))

    def _check_pace(self, source: Source) -> None:
        """What was claimed before its number turned out too fast is not called: it would be refused, too."""
        left = self._held_until.get(source, 0.0) - time.monotonic()
        if left > 0:
            raise ProviderError(
                "Not sent: what it leaves from was too fast", permanent=False, accepted="no",
                code=HELD_BACK, retry_after=left, remedy=Remedy.RETRY_LATER,
            )  # fmt: skip
        self._held_until.pop(source, None)

    async def _record(self) -> None:
        """Record what has ended, many at once, for as long as the sender lives; again where the database was
        away: what it does not know is lost with this process alone."""
        while True:
            await self._news.wait()
            if self._in_flight:
                await asyncio.wait(self._in_flight, timeout=RECORD_EVERY_SECONDS)
            self._news.clear()
            ended, self._results = self._results, []
            try:
                await _in(self._recorder, lambda ended=ended: _settle(ended))  # type: ignore[misc]
            except (OperationalError, InterfaceError):
                log.warning("the ends of %s calls are not recorded yet", len(ended), exc_info=True)
                self._results = ended + self._results
                await asyncio.sleep(RECORD_AGAIN_SECONDS)
                self._news.set()
                continue
            except Exception:
                log.exception("what the refusals among %s calls ask for is left to the sweep", len(ended))
            self._unrecorded -= len(ended)
            if not self._unrecorded:
                self._recorded.set()


async def _in(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Do database work in one of the sender's threads, each with a connection of its own."""

    def job() -> T:
        close_old_connections()
        return work()

    return await asyncio.get_running_loop().run_in_executor(thread, job)


def _settle(ended: Sequence[tuple[Claim, CallResult]]) -> None:
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


def claim_apart(message_ids: Sequence[int]) -> list[Claim]:
    """Claim a batch; where one message breaks it, claim each alone and park the broken one as failed.

    An unreachable database is no message's fault and is raised.
    """
    try:
        return claiming.claim(message_ids, now=clock.now())
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("a batch of %s could not be claimed", len(message_ids))
        if len(message_ids) == 1:
            _park(message_ids[0])
            return []
        return [claim for message_id in message_ids for claim in claim_apart([message_id])]


@atomic_with_retry
def _park(message_id: int) -> None:
    words = "Not sent: something in it cannot be handled"
    delivery.advance(
        [delivery.Move(message_id, Message.State.FAILED, None, "broken", words, 0)], now=clock.now()
    )


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
