"""The scripted calls of one sender: claimed at their accounts' pace, placed, and recorded as that ends."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from django.db import InterfaceError, OperationalError

from common import clock, loops, sql
from common.database_threads import DatabaseThread
from common.transactions import atomic_with_retry
from common.turns import Turns
from conversations import call_claiming, call_remedies, listening, placing_results, safety
from conversations.call_candidates import CallClaim
from conversations.claiming import CLAIM_VALID_SECONDS
from conversations.delivery import THROTTLED
from conversations.handing_over import call_clients, outgoing_call
from conversations.holding_back import HeldBack
from conversations.placing_results import PlacingResult
from conversations.recorder import PAUSE_SECONDS, Recorder
from conversations.slots import Slots
from integrations.messaging import CallReceipt, ProviderError
from integrations.twilio.voice import CallClient

log = logging.getLogger(__name__)
IDLE_SECONDS = 0.25
_TOO_MANY = THROTTLED | {"10004"}


class CallSender:
    """Calls claimed, being placed, or placed and not yet recorded; at most so many at a time.

    `async with` it inside an event loop; leaving it waits for what is under way and records it.
    """

    def __init__(self, concurrency: int) -> None:
        self.calls = 0
        self._slots = Slots(concurrency)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._held_back = HeldBack[int]("its account was")
        self._turns = Turns()
        self._claimer = DatabaseThread("call-claims")
        self._recorder = Recorder("call-records", self._in_flight, write=settle, gather_seconds=0.0)
        self._clients = call_clients(self._slots.most)

    async def __aenter__(self) -> "CallSender":
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
        """Claim and place until `deadline` (monotonic). What is under way then goes on.

        Raises the database's errors; what was placed is recorded all the same.
        """
        self._clients.forget()
        while time.monotonic() < deadline and not loops.should_stop():
            due = await self._claimer.do(lambda: due_lanes(clock.now()))
            claimed = 0
            for account_id in self._turns.order(due):
                claimed += await self._claim(account_id, due[account_id])
            if until_idle and not (claimed or self._in_flight or self._recorder.unrecorded):
                break
            if not claimed:
                await asyncio.sleep(IDLE_SECONDS)

    async def _claim(self, account_id: int, lane_ids: list[int]) -> int:
        """Claim what one account may place now and begin to place it; how many planned calls were decided."""
        room = self._slots.room(0)
        if room <= 0:
            return 0
        born = time.monotonic()  # from before the claim
        ordered = self._turns.order(("lane", lane_id) for lane_id in lane_ids)
        wanted = partial(
            claim_apart, account_id, [lane_id for _, lane_id in ordered], min(room, self._slots.size)
        )
        decided = await self._claimer.do(wanted)
        if decided.claims:
            self._turns.took(account_id, *ordered[: len(decided.claims)])
        for claim in decided.claims:
            client = self._clients.known(claim.connection_id)
            if client is None:
                client = await self._claimer.do(partial(self._clients.read, claim.connection_id))
            task = asyncio.create_task(self._place(client, claim, born))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
        return len(decided.claims) + len(decided.deferred) + len(decided.refused) + len(decided.to_person)

    async def _place(self, client: CallClient | ProviderError, claim: CallClaim, born: float) -> None:
        """Have one call placed. Whatever goes wrong is a result: one call never ends the loop."""
        result: CallReceipt | ProviderError
        try:
            async with self._slots.slot(claim.connection_id):
                if isinstance(client, ProviderError):
                    raise client
                self._held_back.check(claim.account_id)
                result = await client.place(outgoing_call(claim), not_after=born + CLAIM_VALID_SECONDS)
        except ProviderError as error:
            result = error
            if error.code in _TOO_MANY:
                self._held_back.hold(claim.account_id, error.retry_after or PAUSE_SECONDS)
        except Exception as error:
            log.exception("call %s: placing it broke", claim.call_id)
            words = f"Placing the call broke: {type(error).__name__}"
            result = ProviderError(words, permanent=False, accepted="unknown", code="broken")
        self.calls += 1
        self._recorder.add([PlacingResult(claim, result)])


def due_lanes(now: datetime) -> dict[int, list[int]]:
    """Account → its campaigns' lanes with scripted calls that may be placed now; the claim looks again."""
    found = sql.rows(
        f"""
        SELECT l.account_id, l.id FROM conversations_lane l
        WHERE l.kind = 'campaign' AND NOT l.paused
          AND EXISTS (
            SELECT 1 FROM conversations_plannedcall p WHERE p.lane_id = l.id AND p.mode = 'script'
            AND p.state = 'queued' AND p.due_at <= %(now)s)
          AND NOT EXISTS (
            SELECT 1 FROM conversations_sendingpause s
            WHERE s.account_id = l.account_id AND s.lifted_at IS NULL)
          AND NOT EXISTS (
            SELECT 1 FROM conversations_listening h WHERE h.account_id = l.account_id AND {listening.DEAF})
          AND NOT EXISTS (
            SELECT 1 FROM conversations_safetypause r
            WHERE r.lane_id = l.id AND {safety.IN_FORCE.format("r")})
        """,
        {"now": now},
    )
    lanes: dict[int, list[int]] = defaultdict(list)
    for account_id, lane_id in found:
        lanes[account_id].append(lane_id)
    return lanes


def claim_apart(account_id: int, lane_ids: Sequence[int], most: int) -> call_claiming.Decided:
    """Claim a batch; where one planned call breaks it, claim one at a time and park the broken one as failed.

    An unreachable database is nobody's fault and is raised.
    """
    try:
        return call_claiming.claim_scripts(account_id, lane_ids, now=clock.now(), most=most)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("scripted calls of account %s could not be claimed", account_id)
        if most > 1:
            return claim_apart(account_id, lane_ids, 1)
        call_claiming.park_next(lane_ids, now=clock.now())
        return call_claiming.Decided()


def settle(ended: Sequence[PlacingResult]) -> None:
    """Record how placing calls ended, each alone where one breaks the batch, then act on refusals."""
    try:
        _record(ended)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("the ends of %s calls could not be recorded", len(ended))
        if len(ended) > 1:
            for each in ended:
                settle([each])
        return
    asking = [
        (each.claim.call_id, each.result.remedy, each.result.code)
        for each in ended
        if isinstance(each.result, ProviderError)
    ]
    call_remedies.apply(asking, now=clock.now())


@atomic_with_retry
def _record(ended: Sequence[PlacingResult]) -> None:
    placing_results.record(ended, now=clock.now())
