"""The emails of one sender: claimed up to a thousand at once, handed over in as few requests as they need."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from common import clock, loops
from common.database_threads import DatabaseThread
from common.turns import Turns
from conversations import email_leasing, letters
from conversations.claim_size import ClaimSize
from conversations.claiming import CLAIM_VALID_SECONDS, claim_apart
from conversations.delivery import THROTTLED, CallResult
from conversations.handing_over import email_clients
from conversations.holding_back import HeldBack
from conversations.letters import Request
from conversations.recorder import PAUSE_SECONDS, Recorder, settle
from conversations.slots import Slots
from integrations.messaging import ProviderError, Receipt
from integrations.sendgrid import batches
from integrations.sendgrid.client import EmailClient
from integrations.sendgrid.request import MOST_RECIPIENTS

log = logging.getLogger(__name__)
BATCH = MOST_RECIPIENTS
MOST_AT_ONCE = 4 * BATCH  # claimed and not yet recorded, those of hanging providers apart
CLAIMERS = 2
GATHER_SECONDS = 0.03
IDLE_SECONDS = 0.1  # most accounts send few


class EmailSender:
    """Emails claimed, under way, or ended and not yet recorded. All three are bounded.

    `async with` it inside an event loop; leaving it waits for what is under way and records it.
    """

    def __init__(self, requests: int) -> None:
        self.calls = 0
        self._slots = Slots(requests)
        self._size = ClaimSize(BATCH)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._claimed: Counter[int] = Counter()  # connection → emails claimed and not yet answered for
        self._held_back = HeldBack[int]("emails over this connection were")
        self._found = 0  # emails leased by the claim that ended last
        self._turns = Turns()
        # While one waits for the database, the other words what it has claimed.
        self._claimers = [DatabaseThread(f"email-claims-{number}") for number in range(CLAIMERS)]
        self._claiming: dict[asyncio.Task[bool], DatabaseThread] = {}
        self._recorder = Recorder("email-records", self._in_flight, write=settle, gather_seconds=0.0)
        self._clients = email_clients(self._slots.most)

    async def __aenter__(self) -> "EmailSender":
        await self._clients.__aenter__()
        await self._recorder.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._recorder.__aexit__()
        finally:
            await self._clients.__aexit__()
            for claimer in self._claimers:
                await claimer.close()

    async def send(self, deadline: float, *, until_idle: bool) -> None:
        """Claim and call until `deadline` (monotonic). What is under way then goes on.

        Raises the database's errors; what was called is recorded all the same.
        """
        self._clients.forget()  # credentials are read once in so many seconds
        many = False
        try:
            while time.monotonic() < deadline and not loops.should_stop():
                while len(self._claiming) < (CLAIMERS if many else 1) and (room := self._room()):
                    self._begin_claim(room)
                pause = GATHER_SECONDS
                if self._claiming:
                    done, _ = await asyncio.wait(self._claiming, return_when=asyncio.FIRST_COMPLETED)
                    ended = [self._end_claim(task) for task in done]
                    many = any(ended)
                    if until_idle and not (self._found or self._claiming or self._under_way()):
                        break
                    pause = 0.0 if many or self._claiming else IDLE_SECONDS
                await asyncio.sleep(pause)
        finally:
            await self._finish_claims()

    def _begin_claim(self, room: int) -> None:
        """Have a claimer that has nothing to do lease and claim."""
        claimer = next(each for each in self._claimers if each not in self._claiming.values())
        self._claiming[asyncio.create_task(self._claim(claimer, room))] = claimer

    def _end_claim(self, task: asyncio.Task[bool]) -> bool:
        """Whether there is so much to claim that two may. Raises what the claim raised."""
        del self._claiming[task]
        return task.result()

    async def _finish_claims(self) -> None:
        """What is being claimed has to be called, whatever became of another claim."""
        while self._claiming:
            await asyncio.wait(self._claiming)
            for task in [each for each in self._claiming if each.done()]:
                with suppress(Exception):
                    self._end_claim(task)

    def _under_way(self) -> int:
        return len(self._in_flight) + self._recorder.unrecorded

    def _room(self) -> int:
        """Emails to claim now: a batch, unless too many wait already."""
        hanging = self._slots.room_by_connection()
        waiting = sum(count for connection, count in self._claimed.items() if connection not in hanging)
        waiting += len(self._claiming) * self._size.now
        if waiting + self._recorder.unrecorded + self._size.now > MOST_AT_ONCE or not self._slots.room(0):
            return 0
        return self._size.now

    async def _claim(self, claimer: DatabaseThread, room: int) -> bool:
        """Lease and claim at most so many and begin to call them; whether there were as many. Providers who
        do not answer are asked for nothing more until they do."""
        hanging = set(self._slots.room_by_connection())

        def work() -> tuple[int, list[Request], float]:
            leased = email_leasing.lease(room, now=clock.now(), turns=self._turns, without=hanging)
            born = time.monotonic()  # from before the claim
            claims = claim_apart(leased) if leased else []
            return len(leased), letters.requests(claims), born

        leased, requests, born = await claimer.do(work)
        self._found = leased
        if leased:
            self._size.took(time.monotonic() - born)
        for request in requests:
            client = self._clients.known(request.connection_id)
            if client is None:
                client = await claimer.do(partial(self._clients.read, request.connection_id))
            self._claimed[request.connection_id] += len(request.claims)
            task = asyncio.create_task(self._call(client, request, born))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
        return leased > room // 2

    async def _call(self, client: EmailClient | ProviderError, request: Request, born: float) -> None:
        """Hand one request over. Whatever goes wrong is a result: one request never ends the loop."""
        results: dict[object, Receipt | ProviderError]
        try:
            async with self._slots.slot(request.connection_id):
                if isinstance(client, ProviderError):
                    raise client
                self._held_back.check(request.connection_id)
                ends = await batches.hand_over(
                    client, request.letter, request.people, not_after=born + CLAIM_VALID_SECONDS
                )
            results = {person.attempt_id: result for person, result in ends}
        except ProviderError as error:
            results = dict.fromkeys([claim.attempt_id for claim in request.claims], error)
        except Exception as error:
            log.exception("a request of %s emails broke", len(request.claims))
            words = f"The call broke: {type(error).__name__}"
            broken = ProviderError(words, permanent=False, accepted="unknown", code="broken")
            results = dict.fromkeys([claim.attempt_id for claim in request.claims], broken)
        self._hold_back(request.connection_id, results.values())
        self._ended(request, results)

    def _ended(self, request: Request, results: dict[object, Receipt | ProviderError]) -> None:
        self._claimed[request.connection_id] -= len(request.claims)
        if not self._claimed[request.connection_id]:
            del self._claimed[request.connection_id]
        self.calls += len(request.claims)
        self._recorder.add(
            [(c, CallResult(c.message_id, c.attempt_id, results[c.attempt_id])) for c in request.claims]
        )

    def _hold_back(self, connection_id: int, results: Iterable[Receipt | ProviderError]) -> None:
        """The provider counts requests by key: whatever leaves over this connection waits."""
        throttled = [r for r in results if isinstance(r, ProviderError) and r.code in THROTTLED]
        if throttled:
            longest = max(error.retry_after or PAUSE_SECONDS for error in throttled)
            self._held_back.hold(connection_id, longest)
