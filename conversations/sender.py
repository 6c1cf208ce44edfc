"""The sender: one event loop that claims, calls the provider and records, as many at a time as it has slots.

All database work runs in one worker thread, so that the loop never blocks; vendors are called between
the commits of `claiming.claim` and `record`, never inside a transaction.
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
from conversations.claiming import Claim
from conversations.delivery import CallResult
from conversations.models import Message
from integrations.messaging import OutgoingEmail, OutgoingText, ProviderError, Receipt, Remedy
from integrations.models import Connection
from integrations.sendgrid.client import EmailClient, SendGridAccess, SendGridPool
from integrations.twilio.client import TextClient, TwilioAccess, TwilioPool

log = logging.getLogger(__name__)
T = TypeVar("T")
CLAIM_VALID_SECONDS = 3.0
BATCH = 250
FLUSH_SECONDS = 0.03
IDLE_SECONDS = 0.1
PAUSE_SECONDS = 1.0  # of a number that was too fast, where the provider names no time
EMAIL_SHARE = 4  # of the slots: a slow mail provider holds its own alone, and texts go on
_RETRY_SLOWLY = {"20429", "429"}
_Client = TextClient | EmailClient


def run(seconds: float, *, concurrency: int | None = None, until_idle: bool = False) -> int:
    """Send for at most `seconds` (or until the process is asked to end); returns the calls made.

    `until_idle` ends as soon as nothing is due and nothing is in flight, for tests and drains.
    """
    return asyncio.run(
        Sender(concurrency or settings.SENDER_CONCURRENCY).loop(seconds, until_idle=until_idle)
    )


class Sender:
    """State of one sending loop: what is in flight, and results not yet recorded."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self.email_concurrency = max(1, concurrency // EMAIL_SHARE)
        self.calls = 0
        self._in_flight: set[asyncio.Task[None]] = set()
        self._emails_in_flight = 0
        self._results: list[CallResult] = []
        self._claims: dict[int, Claim] = {}  # whose calls are not yet recorded
        self._clients: dict[int, _Client | ProviderError] = {}
        self._turns = Turns()
        self._emails_again = 0.0  # monotonic: when emails are looked for next
        self._database = ThreadPoolExecutor(1, "sender-db")

    async def loop(self, seconds: float, *, until_idle: bool = False) -> int:
        """Claim, call and record until the time is over, then wait for what is in flight."""
        deadline = time.monotonic() + seconds
        try:
            async with (
                TwilioPool(self.concurrency) as texts,
                SendGridPool(self.email_concurrency) as emails,
            ):
                while time.monotonic() < deadline and not loops.should_stop():
                    claims, born = await self._take()
                    for claim in claims:
                        client = await self._client(texts, emails, claim.connection_id)
                        self._emails_in_flight += claim.is_email
                        task = asyncio.create_task(self._call(client, claim, born))
                        self._in_flight.add(task)
                        task.add_done_callback(self._in_flight.discard)
                    await self._flush()
                    if until_idle and not claims and not self._in_flight:
                        break
                    await asyncio.sleep(FLUSH_SECONDS if self._in_flight or claims else IDLE_SECONDS)
                while self._in_flight:
                    await asyncio.wait(self._in_flight, timeout=FLUSH_SECONDS)
                    await self._flush()
                await self._flush()
        finally:
            await self._in_database(lambda: connection.close())
            self._database.shutdown()
        return self.calls

    async def _take(self) -> tuple[list[Claim], float]:
        """Claims for free slots, and the monotonic instant from before they were claimed."""
        leased = [*await self._lease_texts(), *await self._lease_emails()]
        born = time.monotonic()
        if not leased:
            return [], born
        return await self._in_database(lambda: claim_apart(leased)), born

    async def _lease_texts(self) -> list[int]:
        room = min(self.concurrency - len(self._in_flight) + self._emails_in_flight, BATCH)
        if room <= 0:
            return []
        return await self._in_database(lambda: leasing.lease(room, now=clock.now(), turns=self._turns))

    async def _lease_emails(self) -> list[int]:
        """As texts; where none was found, none is looked for again at once: most accounts send few."""
        room = min(self.email_concurrency - self._emails_in_flight, BATCH)
        if room <= 0 or time.monotonic() < self._emails_again:
            return []
        found = await self._in_database(lambda: email_leasing.lease(room, now=clock.now(), turns=self._turns))
        self._emails_again = 0.0 if found else time.monotonic() + IDLE_SECONDS
        return found

    async def _call(self, client: _Client | ProviderError, claim: Claim, born: float) -> None:
        """Hand one message over. Whatever goes wrong is a result: one message never ends the loop."""
        self._claims[claim.message_id] = claim
        result: Receipt | ProviderError
        try:
            if isinstance(client, ProviderError):
                raise client
            result = await _hand_over(client, claim, born + CLAIM_VALID_SECONDS)
        except ProviderError as error:
            result = error
        except Exception as error:
            log.exception("message %s: the call broke", claim.message_id)
            words = f"The call broke: {type(error).__name__}"
            result = ProviderError(words, permanent=False, accepted="unknown", code="broken")
        self.calls += 1
        self._emails_in_flight -= claim.is_email
        self._results.append(CallResult(claim.message_id, claim.attempt_id, result))

    async def _flush(self) -> None:
        if not self._results:
            return
        results, self._results = self._results, []
        await self._in_database(lambda: record(results))
        refusals = [
            (r.message_id, r.result.remedy, r.result.code)
            for r in results
            if isinstance(r.result, ProviderError) and r.result.remedy != Remedy.NONE
        ]
        if refusals:
            await self._in_database(lambda: remedies.apply(refusals, now=clock.now()))
        for result in results:
            claim = self._claims.pop(result.message_id)
            if isinstance(result.result, ProviderError) and result.result.code in _RETRY_SLOWLY:
                pause = result.result.retry_after or PAUSE_SECONDS
                await self._in_database(partial(_slow_down, claim, pause))

    async def _client(
        self, texts: TwilioPool, emails: SendGridPool, connection_id: int
    ) -> _Client | ProviderError:
        """The client of one connection, or why it cannot be used; read once a loop."""
        if connection_id not in self._clients:
            try:
                stored = await self._in_database(lambda: Connection.objects.get(pk=connection_id))
                if stored.provider == Connection.Provider.SENDGRID:
                    self._clients[connection_id] = emails.client(SendGridAccess.of(stored))
                else:
                    self._clients[connection_id] = texts.client(TwilioAccess.of(stored))
            except Exception:
                log.exception("connection %s cannot be used", connection_id)
                words = "The connection to the provider cannot be used; check it in Settings"
                refusal = ProviderError(words, permanent=False, accepted="no", code="not_connected")
                self._clients[connection_id] = refusal
        return self._clients[connection_id]

    async def _in_database(self, work: Callable[[], T]) -> T:
        def job() -> T:
            close_old_connections()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._database, job)


async def _hand_over(client: _Client, claim: Claim, not_after: float) -> Receipt:
    if isinstance(client, EmailClient):
        return await client.send_email(_email(claim), not_after=not_after)
    return await client.send_text(_text(claim), not_after=not_after)


def _slow_down(claim: Claim, seconds: float) -> None:
    """Hold back what the claim leaves from."""
    if claim.number_id is not None:
        leasing.slow_down(claim.number_id, seconds)
    if claim.mailbox_id is not None:
        email_leasing.slow_down(claim.mailbox_id, seconds)


def _email(claim: Claim) -> OutgoingEmail:
    """The claim in the adapters' words."""
    return OutgoingEmail(
        attempt_id=claim.attempt_id,
        to=claim.to,
        from_=claim.from_,
        from_name=claim.from_name,
        subject=claim.subject or "",
        body=claim.body,
    )


def _text(claim: Claim) -> OutgoingText:
    """The claim in the adapters' words; the callback's address carries the attempt."""
    return OutgoingText(
        attempt_id=claim.attempt_id,
        to=claim.to,
        from_=claim.from_,
        body=claim.body,
        status_callback=f"{settings.PUBLIC_URL}/webhooks/twilio/messages/status/{claim.attempt_id}",
        validity_seconds=claim.validity_seconds,
    )


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
