"""Reading Twilio's list of messages to find what became of a send."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from integrations.messaging import DeliveryState, ProviderError
from integrations.twilio.client import TwilioAccess
from integrations.twilio.lists import list_texts

SINCE = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)


def row(sid: str, created: str, **changes: Any) -> dict[str, Any]:
    return {
        "sid": sid,
        "status": "delivered",
        "to": "+15125550142",
        "from": "+15125550100",
        "body": f"body of {sid}",
        "num_segments": "2",
        "error_code": None,
        "direction": "outbound-api",
        "date_created": created,
        **changes,
    }


PAGES = [
    [
        row("SM1", "Tue, 10 Nov 2026 15:05:00 +0000", status="queued"),
        row("SM2", "Tue, 10 Nov 2026 15:04:00 +0000", status="undelivered", error_code=30007),
    ],
    [
        row("SM3", "Tue, 10 Nov 2026 15:03:00 +0000", direction="inbound"),
        row("SM4", "Tue, 10 Nov 2026 15:00:00 +0000"),
    ],
    [row("SM5", "Tue, 10 Nov 2026 14:59:59 +0000")],
    [row("SM6", "Mon, 09 Nov 2026 10:00:00 +0000")],
]


async def paged(request: web.Request) -> web.StreamResponse:
    page = int(request.query.get("Page", 0))
    more = page + 1 < len(PAGES)
    return web.json_response(
        {
            "messages": PAGES[page],
            "page": page,
            "page_size": 2,
            "uri": request.path,
            "next_page_uri": f"{request.path}?Page={page + 1}&PageToken=T" if more else None,
        }
    )


def test_every_page_is_read_until_one_is_older(server: Any) -> None:
    server.handler = paged
    found = list_texts(TwilioAccess("AC1", "t", server.url), to="+15125550142", created_after=SINCE)
    assert [(t.receipt.provider_id, t.receipt.state, t.code) for t in found] == [
        ("SM1", DeliveryState.ACCEPTED, ""),
        ("SM2", DeliveryState.REJECTED, "30007"),
        ("SM4", DeliveryState.DELIVERED, ""),
    ]
    assert found[0].body == "body of SM1"
    assert found[0].created_at == datetime(2026, 11, 10, 15, 5, tzinfo=UTC)
    assert [r.query.get("Page") for r in server.requests] == [None, "1", "2"], "older pages stay unread"
    first = server.requests[0].query
    assert first["To"] == "+15125550142"
    assert not any(name.startswith("DateSent") for name in first), "would hide what is still queued"


def test_a_failing_list_is_an_error_and_not_an_empty_answer(server: Any) -> None:
    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="<html>")

    server.handler = down
    with pytest.raises(ProviderError) as caught:
        list_texts(TwilioAccess("AC1", "t", server.url), to="+15125550142", created_after=SINCE)
    assert not caught.value.permanent
