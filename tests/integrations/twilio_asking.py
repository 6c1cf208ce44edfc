"""A text and a phone call as they are asked for at Twilio, over a local server, and what it answers."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import web

from integrations.messaging import CallReceipt, OutgoingCall, OutgoingText, Receipt
from integrations.twilio import voice
from integrations.twilio.client import TwilioAccess, TwilioPool

ATTEMPT = UUID("0192d2c0-0000-7000-8000-000000000001")
SID = "AC" + "0" * 32


def text(**changes: Any) -> OutgoingText:
    """A text that is to be sent."""
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
    """A text as Twilio has it."""
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


def call(**changes: Any) -> OutgoingCall:
    """A call that is to be placed."""
    fields: dict[str, Any] = {
        "attempt_id": ATTEMPT,
        "to": "+15125550142",
        "from_": "+15125550100",
        "answer_url": f"http://app.example/webhooks/twilio/calls/answer/{ATTEMPT}",
        "status_callback": f"http://app.example/webhooks/twilio/calls/status/{ATTEMPT}",
        "ring_seconds": 25,
    }
    return OutgoingCall(**fields | changes)


def placed(sid: str = "CA1", created: str = "Tue, 10 Nov 2026 15:00:00 +0000", **changes: Any) -> Any:
    """A call as Twilio has it."""
    return {
        "sid": sid, "status": "queued", "to": "+15125550142", "from": "+15125550100", "answered_by": None,
        "duration": None, "direction": "outbound-api", "date_created": created, **changes,
    }  # fmt: skip


def send(url: str, *, claim_seconds: float = 3.0, concurrency: int = 4, **changes: Any) -> Receipt:
    """Have it send one text, with a claim that is good for so long."""

    async def once() -> Receipt:
        async with TwilioPool(concurrency) as pool:
            client = pool.client(TwilioAccess(SID, "token", url))
            return await client.send_text(text(**changes), not_after=time.monotonic() + claim_seconds)

    return asyncio.run(once())


def place(url: str, *, claim_seconds: float = 3.0, **changes: Any) -> CallReceipt:
    """Have it place one call, with a claim that is good for so long."""

    async def once() -> CallReceipt:
        async with TwilioPool(2) as pool:
            client = voice.CallClient(pool.sdk(TwilioAccess(SID, "token", url)))
            return await client.place(call(**changes), not_after=time.monotonic() + claim_seconds)

    return asyncio.run(once())


@dataclass(frozen=True)
class Asking:
    """One of the two: how it is asked for, and what an acceptance of it looks like."""

    name: str
    ask: Callable[..., Receipt | CallReceipt]
    accepted: Callable[[], dict[str, Any]]


TEXT, CALL = Asking("text", send, message), Asking("call", place, placed)


def answering(status: int, payload: Any = None, **options: Any) -> Any:
    """A server that answers every request so; words as they are, all else as JSON."""

    async def handler(_: web.Request) -> web.StreamResponse:
        if isinstance(payload, str):
            return web.Response(status=status, text=payload, **options)
        return web.json_response(payload, status=status, **options)

    return handler
