"""The texts of one sender: claimed ahead while others are called, and recorded as they end."""

import asyncio
import logging
import time
from functools import partial

from common import clock, loops
from common.database_threads import DatabaseThread
from common.turns import Turns
from conversations import leasing
from conversations.candidates import Claim
from conversations.claim_size import ClaimSize
from conversations.claiming import CLAIM_VALID_SECONDS, claim_apart
from conversations.delivery import THROTTLED, CallResult
from conversations.handing_over import hand_over, text_clients
from conversations.holding_back import HeldBack
from conversations.recorder import PAUSE_SECONDS, Recorder, settle
from conversations.slots import Ahead, Slots
from integrations.messaging import ProviderError, Receipt
from integrations.twilio.client import TextClient

log = logging.getLogger(__name__)
BATCH = 400
GATHER_SECONDS = 0.03  # free slots are waited for, so that a batch is worth its statements
RECORD_EVERY_SECONDS = 0.1  # and ends of calls
IDLE_SECONDS = 0.1
MOST_UNRECORDED = 10  # times the slots: nothing more is claimed while so many ends wait to be recorded


class TextSender:
    """Texts claimed, under way, or ended and not yet recorded. All three are bounded.

    `async with` it inside an event loop; leaving it waits for what is under way and records it.
    """

    def __init__(self, concurrency: int) -> None:
        self.calls = 0
        self._slots = Slots(concurrency)
        self._ahead = Ahead(concurrency)
        self._size = ClaimSize(BATCH)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._held_back = HeldBack[int | None]("what it leaves from was")
        self._turns = Turns()
        self._claimer = DatabaseThread("text-claims")
        self._recorder = Recorder(
            "text-records", self._in_flight, write=settle, gather_seconds=RECORD_EVERY_SECONDS
        )
        self._clients = text_clients(self._slots.most)

    async def __aenter__(self) -> "TextSender":
        await self._clients.__aenter__()
        await self._recorder.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._recorder.__aexit__()
        finally:
            await self._clients.__aexit__()
            await self._claimer.close()

    async def send(self, deadline: float, *, until_idle: bool) -> None:
        """Claim and call until `deadline` (monotonic). What is under way then goes on.

        Raises the database's errors; what was called is recorded all the same.
        """
        self._clients.forget()  # credentials are read once in so many seconds
        while time.monotonic() < deadline and not loops.should_stop():
            room = self._room()
            pause = GATHER_SECONDS
            if room:
                leased = await self._claim(room)
                if until_idle and not (leased or self._in_flight or self._recorder.unrecorded):
                    break
                # A number that gives little at a time is not asked for every single text.
                pause = 0.0 if leased > room // 2 else IDLE_SECONDS
            await asyncio.sleep(pause)

    def _room(self) -> int:
        """Texts to claim now. While others are called, none until many can be: few cost as much."""
        if self._recorder.unrecorded > self._slots.size * MOST_UNRECORDED:
            return 0
        most = self._size.now
        self._ahead.look(self.calls, time.monotonic())
        ahead = self._ahead.now
        room = min(self._slots.room(ahead), most)
        return 0 if self._in_flight and room < min(max(ahead // 2, 1), most) else room

    async def _claim(self, room: int) -> int:
        """Lease and claim at most so many and begin to call them; how many were leased."""
        hanging = self._slots.room_by_connection()

        def work() -> tuple[int, list[Claim], float]:
            leased = leasing.lease(room, now=clock.now(), turns=self._turns, by_connection=hanging)
            born = time.monotonic()  # from before the claim
            return len(leased), claim_apart(leased) if leased else [], born

        leased, claims, born = await self._claimer.do(work)
        if leased:
            self._size.took(time.monotonic() - born)
        for claim in claims:
            client = self._clients.known(claim.connection_id)
            if client is None:
                client = await self._claimer.do(partial(self._clients.read, claim.connection_id))
            task = asyncio.create_task(self._call(client, claim, born))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
        return leased

    async def _call(self, client: TextClient | ProviderError, claim: Claim, born: float) -> None:
        """Hand one text over. Whatever goes wrong is a result: one message never ends the loop."""
        result: Receipt | ProviderError
        try:
            async with self._slots.slot(claim.connection_id):
                if isinstance(client, ProviderError):
                    raise client
                self._held_back.check(claim.number_id)
                result = await hand_over(client, claim, not_after=born + CLAIM_VALID_SECONDS)
        except ProviderError as error:
            result = error
            if error.code in THROTTLED:
                self._held_back.hold(claim.number_id, error.retry_after or PAUSE_SECONDS)
        except Exception as error:
            log.exception("message %s: the call broke", claim.message_id)
            words = f"The call broke: {type(error).__name__}"
            result = ProviderError(words, permanent=False, accepted="unknown", code="broken")
        self.calls += 1
        self._recorder.add([(claim, CallResult(claim.message_id, claim.attempt_id, result))])
