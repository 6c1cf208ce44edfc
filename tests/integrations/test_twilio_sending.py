"""The sender's client over HTTP: what leaves, what does not, and what is known afterwards."""

import asyncio
import socket
import time
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from aiohttp import web

from integrations.messaging import DeliveryState, OutgoingText, ProviderError, Receipt, Remedy
from integrations.twilio.client import TwilioAccess, TwilioPool

ATTEMPT = UUID("0192d2c0-0000-7000-8000-000000000001")
SID = "AC" + "0" * 32


def text(**changes: Any) -> OutgoingText:
    fields: dict[str, Any] = {
        "attempt_id": ATTEMPT,
        "to": "+15125550142",
        "from_": "+15125550100",
        "body": "Time for a tune-up?",
        "status_callback": f"http://app.example/webhooks/twilio/messages/status/{ATTEMPT}",
        "validity_seconds": 3600,
    }
    return OutgoingText(**fields | changes)


def message(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "sid": "SM" + "1" * 32,
        "status": "queued",
        "to": "+15125550142",
        "from": "+15125550100",
        "body": "Time for a tune-up?",
        "num_segments": "1",
        "num_media": "0",
        "error_code": None,
        "direction": "outbound-api",
        "date_created": "Tue, 10 Nov 2026 15:00:00 +0000",
    }
    return fields | changes


def send(url: str, *, claim_seconds: float = 3.0, concurrency: int = 4, **changes: Any) -> Receipt:
    async def once() -> Receipt:
        async with TwilioPool(concurrency) as pool:
            client = pool.client(TwilioAccess(SID, "token", url))
            return await client.send_text(text(**changes), not_after=time.monotonic() + claim_seconds)

    return asyncio.run(once())


def answering(status: int, payload: Any = None, **options: Any) -> Any:
    async def handler(_: web.Request) -> web.StreamResponse:
        if isinstance(payload, str):
            return web.Response(status=status, text=payload, **options)
        return web.json_response(payload or message(), status=status, **options)

    return handler


def test_an_accepted_text_returns_its_receipt_and_carries_every_field(server: Any) -> None:
    server.handler = answering(201)
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
    server.handler = answering(201)
    send(server.url, validity_seconds=asked)
    assert parse_qs(server.requests[0].body)["ValidityPeriod"] == [sent]


def test_environment_edge_region_and_proxies_are_ignored(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TWILIO_EDGE", "ashburn")
    monkeypatch.setenv("TWILIO_REGION", "us1")
    server.handler = answering(201)
    assert send(server.url).status == "queued"


@pytest.mark.parametrize(
    ("status", "code", "accepted", "permanent", "state", "remedy"),
    [
        (400, 21211, "no", True, DeliveryState.FAILED, Remedy.NUMBER_INVALID),
        (400, 21610, "no", True, DeliveryState.REJECTED, Remedy.OPTED_OUT),
        (400, 21611, "no", False, None, Remedy.RETRY_LATER),
        (400, 99999, "no", True, DeliveryState.REJECTED, Remedy.NONE),
        (401, 20003, "no", True, DeliveryState.REJECTED, Remedy.STOP_ACCOUNT),
        (429, 20429, "no", False, None, Remedy.RETRY_LATER),
        (408, 20408, "unknown", False, None, Remedy.NONE),
        (500, 20500, "unknown", False, None, Remedy.NONE),
        (503, 20503, "unknown", False, None, Remedy.NONE),
    ],
)
def test_refusals_say_whether_anything_was_accepted(
    server: Any, status: int, code: int, accepted: str, permanent: bool, state: Any, remedy: Remedy
) -> None:
    server.handler = answering(status, {"code": code, "message": "no", "more_info": "", "status": status})
    with pytest.raises(ProviderError) as caught:
        send(server.url)
    error = caught.value
    assert (error.accepted, error.permanent, error.state, error.remedy, error.code) == (
        accepted,
        permanent,
        state,
        remedy,
        str(code),
    )
    assert len(server.requests) == 1, "nothing may retry a send"


def test_problem_documents_are_understood_as_well(server: Any) -> None:
    server.handler = answering(400, {"type": "t", "title": "Bad To", "status": 400, "code": 21211})
    with pytest.raises(ProviderError) as caught:
        send(server.url)
    assert (caught.value.code, caught.value.state) == ("21211", DeliveryState.FAILED)


def test_throttling_tells_how_long_to_wait(server: Any) -> None:
    body = {"code": 20429, "message": "Too Many Requests", "status": 429}
    server.handler = answering(429, body, headers={"Retry-After": "2"})
    with pytest.raises(ProviderError) as caught:
        send(server.url)
    assert caught.value.retry_after == 2.0


@pytest.mark.parametrize(
    ("status", "text_", "accepted"),
    [(502, "<html>Bad gateway</html>", "unknown"), (403, "<html>Forbidden</html>", "no")],
)
def test_answers_that_are_not_json(server: Any, status: int, text_: str, accepted: str) -> None:
    server.handler = answering(status, text_)
    with pytest.raises(ProviderError) as caught:
        send(server.url)
    assert caught.value.accepted == accepted


@pytest.mark.parametrize("answer", ["<html>OK?</html>", "{}", ""])
def test_an_acceptance_nobody_can_read_is_unknown(server: Any, answer: str) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=201, text=answer)

    server.handler = handler
    with pytest.raises(ProviderError) as caught:
        send(server.url)
    assert (caught.value.accepted, caught.value.code) == ("unknown", "unreadable")


def test_a_connection_dropped_after_the_request_is_unknown(server: Any) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.handler = drop
    with pytest.raises(ProviderError) as caught:
        send(server.url)
    assert (caught.value.accepted, caught.value.code) == ("unknown", "disconnected")
    assert len(server.requests) == 1


def test_an_answer_that_never_comes_is_unknown(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.claimed_http.TOTAL_SECONDS", 0.3)

    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1.5)
        return web.json_response(message(), status=201)

    server.handler = silence
    with pytest.raises(ProviderError) as caught:
        send(server.url)
    assert (caught.value.accepted, caught.value.code) == ("unknown", "timeout")


def test_a_refused_connection_is_not_accepted() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ProviderError) as caught:
        send(f"http://127.0.0.1:{port}")
    assert (caught.value.accepted, caught.value.permanent) == ("no", False)
    assert caught.value.code == "unreachable"


def test_a_claim_too_old_before_the_call_never_leaves(server: Any) -> None:
    server.handler = answering(201)
    with pytest.raises(ProviderError) as caught:
        send(server.url, claim_seconds=-0.01)
    assert (caught.value.accepted, caught.value.code) == ("no", "claim_too_old")
    assert server.requests == []


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
    server.handler = answering(201)

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
    together = 0
    most = 0

    async def count(_: web.Request) -> web.StreamResponse:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.3)
        together -= 1
        return web.json_response(message(), status=201)

    server.handler = count

    async def burst() -> None:
        async with TwilioPool(150) as pool:
            client = pool.client(TwilioAccess(SID, "token", server.url))
            until = time.monotonic() + 3
            await asyncio.gather(*(client.send_text(text(), not_after=until) for _ in range(150)))

    asyncio.run(burst())
    assert most > 120, "more than the SDK's default of 100 connections"
