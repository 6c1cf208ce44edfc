"""HTTP calls that begin while their claim is young or not at all: the sender's connections to vendors.

A claim is good for seconds. Its age is checked at the last instant before bytes leave, once a connection is
held, and until one is held nothing can have been taken: that is what makes another try harmless.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp

from integrations.messaging import ProviderError, Remedy

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 30.0


@dataclass(slots=True)
class Exchange:
    """One request under way: until `held`, not a byte of it can have left."""

    not_after: float
    held: bool = False
    status: int = 0
    retry_after: float | None = None


class ClaimTooOld(Exception):
    """The claim's time ran out before a connection was held."""


_exchange: ContextVar[Exchange | None] = ContextVar("claimed_exchange", default=None)


def current() -> Exchange | None:
    """The exchange of the call that is running, where one is."""
    return _exchange.get()


@contextmanager
def exchange(not_after: float) -> Iterator[Exchange]:
    """One call that must hold a connection before `not_after`, a `time.monotonic()` instant."""
    begun = Exchange(not_after)
    token = _exchange.set(begun)
    try:
        yield begun
    finally:
        _exchange.reset(token)


class _CheckedConnector(aiohttp.TCPConnector):
    """Checks the claim's age once a connection is held.

    aiohttp writes the request at the latest one turn of the event loop after `connect` returns.
    """

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 - aiohttp's signature
        exchange = _exchange.get()
        if exchange is None:
            return await super().connect(req, traces, timeout)
        left = exchange.not_after - time.monotonic()
        if left <= 0:
            raise ClaimTooOld
        try:
            async with asyncio.timeout(left) as limit:
                connection = await super().connect(req, traces, timeout)
        except TimeoutError:
            if limit.expired():
                raise ClaimTooOld from None
            raise
        if time.monotonic() >= exchange.not_after:
            connection.release()
            raise ClaimTooOld
        exchange.held = True
        return connection


def session(concurrency: int) -> aiohttp.ClientSession:
    """A session of so many connections at most, inside a running event loop; no proxies, no cookies."""
    return aiohttp.ClientSession(
        connector=_CheckedConnector(limit=concurrency, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def too_old() -> ProviderError:
    """What becomes of a call whose claim was too old: nothing left, and another claim may follow."""
    return ProviderError(
        "Not sent: the claim was too old when a connection came free",
        permanent=False,
        accepted="no",
        code="claim_too_old",
        remedy=Remedy.RETRY_LATER,
    )


def broken(exc: Exception, exchange: Exchange, vendor: str) -> ProviderError:
    """A call that ended without a readable answer: unknown, unless no connection was ever held."""
    if not exchange.held:
        return ProviderError(
            f"{vendor} could not be reached: {type(exc).__name__}",
            permanent=False,
            accepted="no",
            code="unreachable",
            remedy=Remedy.RETRY_LATER,
        )
    if isinstance(exc, TimeoutError):
        code = "timeout"
    else:
        code = "unreadable" if exchange.status else "disconnected"
    return ProviderError(
        f"{vendor}'s answer was lost: {type(exc).__name__}", permanent=False, accepted="unknown", code=code
    )
