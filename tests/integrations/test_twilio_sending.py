"""The sender's client over HTTP: what leaves, and when. Refusals: `test_twilio_refusals.py`."""

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from integrations.messaging import DeliveryState, Receipt
from integrations.twilio.client import TwilioAccess, TwilioPool
from tests.integrations.twilio_asking import ATTEMPT, SID, answering, message, send, text


def test_an_accepted_text_returns_its_receipt_and_carries_every_field(server: Any) -> None:
    server.handler = answering(201, message())
    receipt = send(server.url)
    assert receipt == Receipt("SM" + "1" * 32, "queued", DeliveryState.ACCEPTED, 1)
    [request] = server.requests
    assert request.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert request.headers["Authorization"].startswith("Basic ")
    assert parse_qs(request.body) == {
        "To": ["+15125550142"],
        "From": ["+15125550100"],
        "Body": ["Time for a tune-up?"],
        "StatusCallback": [f"http://app.example/webhooks/twilio/messages/status/{ATTEMPT}"],
        "ValidityPeriod": ["3600"],
    }


@pytest.mark.parametrize(("asked", "sent"), [(0, "1"), (90_000, "36000")])
def test_validity_stays_within_the_providers_limits(server: Any, asked: int, sent: str) -> None:
    server.handler = answering(201, message())
    send(server.url, validity_seconds=asked)
    assert parse_qs(server.requests[0].body)["ValidityPeriod"] == [sent]


def test_environment_edge_region_and_proxies_are_ignored(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TWILIO_EDGE", "ashburn")
    monkeypatch.setenv("TWILIO_REGION", "us1")
    server.handler = answering(201, message())
    assert send(server.url).status == "queued"


def test_a_claim_that_ages_waiting_for_a_saturated_pool_never_leaves(server: Any) -> None:
    release = asyncio.Event()

    async def hold(_: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.json_response(message(), status=201)

    server.handler = hold

    async def race() -> tuple[list[Any], float, Receipt]:
        async with TwilioPool(2) as pool:
            client = pool.client(TwilioAccess(SID, "token", server.url))
            now = time.monotonic()
            busy = [asyncio.create_task(client.send_text(text(), not_after=now + 3)) for _ in range(2)]
            while len(server.requests) < 2:  # noqa: ASYNC110 - the server runs in another loop
                await asyncio.sleep(0.01)
            stale = [
                asyncio.create_task(client.send_text(text(body="stale"), not_after=now + 0.6))
                for _ in range(3)
            ]
            waited = await asyncio.gather(*stale, return_exceptions=True)
            age = time.monotonic() - now
            server.loop.call_soon_threadsafe(release.set)
            await asyncio.gather(*busy)
            fresh = await client.send_text(text(body="fresh"), not_after=time.monotonic() + 3)
            return waited, age, fresh

    waited, age, fresh = asyncio.run(race())
    assert [getattr(error, "code", error) for error in waited] == ["claim_too_old"] * 3
    assert all(error.accepted == "no" for error in waited)
    assert 0.55 < age < 1.5, "a stale claim must not wait longer than its claim"
    assert fresh.status == "queued", "the pool stays usable afterwards"
    assert len(server.requests) == 3
    assert not any("stale" in request.body for request in server.requests)


def test_a_connection_made_too_late_is_never_written_to(server: Any) -> None:
    """The event loop stalls while a claim's connection is being made."""
    server.handler = answering(201, message())

    async def stall() -> tuple[Any, Receipt]:
        async with TwilioPool(1) as pool:
            client = pool.client(TwilioAccess(SID, "token", server.url))
            task = asyncio.create_task(client.send_text(text(body="stale"), not_after=time.monotonic() + 0.1))
            asyncio.get_running_loop().call_soon(time.sleep, 0.3)
            [late] = await asyncio.gather(task, return_exceptions=True)
            return late, await client.send_text(text(body="fresh"), not_after=time.monotonic() + 3)

    late, fresh = asyncio.run(stall())
    assert (late.code, late.accepted) == ("claim_too_old", "no")
    assert fresh.status == "queued"
    assert len(server.requests) == 1


def test_the_pool_is_as_large_as_the_concurrency(server: Any) -> None:
    """More than the SDK's own 100 connections: nobody is answered before all are there."""
    there, everybody = 0, asyncio.Event()

    async def count(_: web.Request) -> web.StreamResponse:
        nonlocal there
        there += 1
        if there == 150:
            everybody.set()
        await everybody.wait()
        return web.json_response(message(), status=201)

    server.handler = count

    async def burst() -> None:
        async with TwilioPool(150) as pool:
            client = pool.client(TwilioAccess(SID, "token", server.url))
            until = time.monotonic() + 60
            await asyncio.gather(*(client.send_text(text(), not_after=until) for _ in range(150)))

    asyncio.run(burst())
    assert there == 150
