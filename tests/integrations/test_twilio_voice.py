"""Twilio's calls over HTTP: what is placed, and what its books say. Refusals: `test_twilio_refusals.py`."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from aiohttp import web

from integrations.messaging import CallReceipt, CallState, ProviderError, Remedy
from integrations.twilio import live_calls, voice
from integrations.twilio.client import TwilioAccess
from tests.integrations.twilio_asking import ATTEMPT, SID, answering, call, place, placed

OTHER = UUID("0192d2c0-0000-7000-8000-000000000002")
SINCE = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)


def test_a_call_is_placed_with_its_attempt_in_every_address(server: Any) -> None:
    server.handler = answering(201, placed())
    listening = f"http://app.example/webhooks/twilio/calls/amd/{ATTEMPT}"
    assert place(server.url, machine_callback=listening) == CallReceipt("CA1", "queued")
    [request] = server.requests
    assert request.path == f"/2010-04-01/Accounts/{SID}/Calls.json"
    assert parse_qs(request.body) == {
        "To": ["+15125550142"],
        "From": ["+15125550100"],
        "Url": [f"http://app.example/webhooks/twilio/calls/answer/{ATTEMPT}"],
        "StatusCallback": [f"http://app.example/webhooks/twilio/calls/status/{ATTEMPT}"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "Timeout": ["25"],
        "TimeLimit": ["3600"],
        "MachineDetection": ["DetectMessageEnd"],
        "MachineDetectionTimeout": ["30"],
        "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": [listening],
    }


def test_nobody_listens_for_machines_where_an_agent_is_rung(server: Any) -> None:
    server.handler = answering(201, placed())
    place(server.url)
    assert not [name for name in parse_qs(server.requests[0].body) if "Detection" in name or "Amd" in name]


def test_a_web_process_places_a_call_by_the_same_code(server: Any) -> None:
    server.handler = answering(201, placed())
    access = TwilioAccess(SID, "token", server.url)
    assert voice.place_now(access, call(), not_after=time.monotonic() + 3) == CallReceipt("CA1", "queued")
    with pytest.raises(ProviderError) as caught:
        voice.place_now(access, call(), not_after=time.monotonic() - 0.01)
    assert caught.value.accepted == "no"
    assert len(server.requests) == 1


PAGES = [
    [
        placed("CA1", "Tue, 10 Nov 2026 15:05:00 +0000"),
        placed("CA2", "Tue, 10 Nov 2026 15:04:00 +0000", direction="outbound-dial"),
        placed("CA3", "Tue, 10 Nov 2026 15:03:00 +0000", direction="inbound"),
    ],
    [
        placed(
            "CA4", "Tue, 10 Nov 2026 15:00:00 +0000", status="completed", answered_by="human", duration="31"
        )
    ],
    [placed("CA5", "Tue, 10 Nov 2026 14:59:59 +0000")],
    [placed("CA6", "Mon, 09 Nov 2026 10:00:00 +0000")],
]


async def paged(request: web.Request) -> web.StreamResponse:
    page = int(request.query.get("Page", 0))
    more = page + 1 < len(PAGES)
    return web.json_response(
        {
            "calls": PAGES[page], "page": page, "page_size": 3, "uri": request.path,
            "next_page_uri": f"{request.path}?Page={page + 1}&PageToken=T" if more else None,
        }
    )  # fmt: skip


def test_what_we_had_placed_is_listed_until_a_page_is_older(server: Any) -> None:
    server.handler = paged
    found = voice.list_calls(TwilioAccess("AC1", "t", server.url), to="+15125550142", created_after=SINCE)
    assert [(c.report.provider_id, c.report.state, c.report.seconds) for c in found] == [
        ("CA1", CallState.ACCEPTED, None), ("CA4", CallState.COMPLETED, 31),
    ]  # fmt: skip
    assert (found[0].from_, found[1].report.answered_by) == ("+15125550100", "human")
    assert [r.query.get("Page") for r in server.requests] == [None, "1", "2"], "older pages stay unread"
    first = server.requests[0].query
    assert first["To"] == "+15125550142"
    assert not any(name.startswith(("StartTime", "EndTime")) for name in first), "would hide what is queued"


@pytest.mark.parametrize(
    "read",
    [
        lambda access: voice.list_calls(access, to="+15125550142", created_after=SINCE),
        lambda access: voice.look_up(access, "CA1"),
        lambda access: voice.attempts_of(access, "CA1"),
        lambda access: live_calls.end(access, "CA1"),
    ],
)
def test_books_that_cannot_be_read_are_an_error_and_no_empty_answer(server: Any, read: Any) -> None:
    server.handler = answering(500, "<html>")
    with pytest.raises(ProviderError) as caught:
        read(TwilioAccess("AC1", "t", server.url))
    assert not caught.value.permanent


def test_one_call_is_looked_up(server: Any) -> None:
    server.handler = answering(200, placed(status="busy"))
    found = voice.look_up(TwilioAccess("AC1", "t", server.url), "CA1")
    assert (found.state, found.rank) == (CallState.BUSY, 4)
    server.handler = answering(404, {"code": 20404, "message": "gone", "status": 404})
    with pytest.raises(ProviderError) as caught:
        voice.look_up(TwilioAccess("AC1", "t", server.url), "CA1")
    assert caught.value.code == "20404"


def asked(address: Any, /, **parameters: Any) -> dict[str, Any]:
    return {"request": {"method": "POST", "url": address, "parameters": parameters}, "response": {}}


@pytest.mark.parametrize(
    ("events", "named"),
    [
        ([], set()),
        ([asked("/2010-04-01/Accounts/AC1/Calls", url=f"http://app.example/answer/{ATTEMPT}")], {ATTEMPT}),
        ([asked("/Calls", status_callback=f"http://app.example/status/{ATTEMPT}?a=1")], {ATTEMPT}),
        ([asked(f"http://app.example/webhooks/twilio/calls/key/{OTHER}?again=1", digits="9")], {OTHER}),
        ([asked("/Calls", body=f"{ATTEMPT}", to="+15125550142")], set()),  # no address
        ([asked(f"http://a.example/{ATTEMPT}"), asked(f"http://a.example/{OTHER}")], {ATTEMPT, OTHER}),
        ([{"request": None, "response": None}, asked(None), {"request": {"parameters": "no"}}], set()),
    ],
)
def test_the_addresses_of_a_call_say_whose_it_is(server: Any, events: Any, named: set[UUID]) -> None:
    shown = {"events": events, "page": 0, "page_size": 50, "uri": "/x", "next_page_uri": None}
    server.handler = answering(200, shown)
    assert voice.attempts_of(TwilioAccess("AC1", "t", server.url), "CA1") == named
    assert server.requests[0].path == "/2010-04-01/Accounts/AC1/Calls/CA1/Events.json"


def test_the_keys_of_a_call_are_told_whether_they_were_answered_or_not(server: Any) -> None:
    events = [
        asked("/Calls", to="+15125550142"), asked(f"http://a.example/key/{ATTEMPT}", digits="5"),
        {**asked(f"http://a.example/key/{ATTEMPT}?again=1", digits="9"), "response": None},
    ]  # fmt: skip
    shown = {"events": events, "page": 0, "page_size": 50, "uri": "/x", "next_page_uri": None}
    server.handler = answering(200, shown)
    assert voice.keys_of(TwilioAccess("AC1", "t", server.url), "CA1") == [
        voice.Pressed(f"http://a.example/key/{ATTEMPT}", "5"),
        voice.Pressed(f"http://a.example/key/{ATTEMPT}?again=1", "9"),
    ]


def test_a_call_that_the_provider_does_not_know_names_nobody(server: Any) -> None:
    server.handler = answering(404, {"code": 20404, "message": "gone", "status": 404})
    assert voice.attempts_of(TwilioAccess("AC1", "t", server.url), "CA1") == set()


@pytest.mark.parametrize(
    ("status", "state", "rank"),
    [
        ("queued", CallState.ACCEPTED, 1), ("initiated", CallState.ACCEPTED, 1),
        ("ringing", CallState.RINGING, 2), ("in-progress", CallState.IN_PROGRESS, 3),
        ("completed", CallState.COMPLETED, 4), ("busy", CallState.BUSY, 4),
        ("no-answer", CallState.NO_ANSWER, 4), ("failed", CallState.FAILED, 4),
        ("canceled", CallState.CANCELLED, 4), ("paraphrasing", None, 0), ("", None, 0),
    ],
)  # fmt: skip
def test_every_status_has_its_rank(status: str, state: CallState | None, rank: int) -> None:
    told = voice.parse_status({"CallSid": "CA1", "CallStatus": status, "SequenceNumber": "2"})
    assert (told.state, told.rank, told.sequence) == (state, rank, 2)


def test_what_a_callback_leaves_out_or_garbles_is_nothing() -> None:
    assert voice.parse_status({}) == voice.report(provider_id="", status="")
    told = voice.parse_status(
        {"CallSid": "CA1", "CallStatus": "ringing", "SequenceNumber": "-1", "CallDuration": "²"}
    )
    assert (told.sequence, told.seconds) == (-1, None)
    over = voice.parse_status({"CallSid": "CA1", "CallStatus": "completed", "CallDuration": "0"})
    assert over.seconds == 0


def test_why_a_call_failed_is_the_carriers_answer() -> None:
    gone = voice.report(provider_id="CA1", status="failed", sip="404")
    assert (gone.state, gone.code, gone.remedy) == (CallState.FAILED, "sip_404", Remedy.NONE)
    refused = voice.report(provider_id="CA1", status="failed", code="13227", sip="603")
    assert (refused.state, refused.code, refused.remedy) == (
        CallState.REJECTED, "13227", Remedy.FIX_SETTINGS,
    )  # fmt: skip


def test_one_status_of_one_call_is_one_event() -> None:
    told = {"CallSid": "CA1", "CallStatus": "ringing", "SequenceNumber": "1"}
    assert voice.status_event_id(told) == "CA1:ringing:1"
    assert voice.status_event_id({**told, "SequenceNumber": "2"}) != voice.status_event_id(told)


def test_a_call_is_led_elsewhere_and_ended(server: Any) -> None:
    server.handler = answering(200, placed())
    access = TwilioAccess("AC1", "t", server.url)
    live_calls.redirect(access, "CA1", url="http://app.example/voicemail")
    live_calls.end(access, "CA1")
    assert [parse_qs(r.body) for r in server.requests] == [
        {"Url": ["http://app.example/voicemail"], "Method": ["POST"]}, {"Status": ["completed"]},
    ]  # fmt: skip
