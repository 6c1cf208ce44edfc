"""Twilio's calls through its SDK: placed once by the asynchronous client, looked up by the synchronous one.

A call is placed by the same code wherever it is asked for: the web, which has no event loop, runs one for
that request (`place_now`). The synchronous client could not check a claim's age between having a connection
and writing to it, which is what makes another try harmless.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from integrations import claimed_http
from integrations.claimed_http import ClaimTooOld, broken
from integrations.messaging import (
    CallReceipt,
    CallReport,
    CallState,
    ListedCall,
    OutgoingCall,
    ProviderError,
    Remedy,
)
from integrations.twilio import errors
from integrations.twilio.client import TwilioAccess, TwilioPool, asking, refusal_of, sdk_of
from integrations.twilio.lists import created_at

MACHINE_SECONDS = 30  # at most until it is known who answered
EVENTS = ["initiated", "ringing", "answered", "completed"]
NOT_FOUND = "20404"
MOST_REQUESTS = 100  # of one call that are read, the first of all being the one that placed it
_ADDRESSES = ("url", "status_callback", "async_amd_status_callback")  # of the request that placed it
_ATTEMPT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Callbacks come in any order; a report is applied only where its rank is above the one applied before.
RANKS: dict[CallState, int] = {
    CallState.ACCEPTED: 1,
    CallState.RINGING: 2,
    CallState.IN_PROGRESS: 3,
    CallState.COMPLETED: 4,
    CallState.BUSY: 4,
    CallState.NO_ANSWER: 4,
    CallState.FAILED: 4,
    CallState.REJECTED: 4,
    CallState.CANCELLED: 4,
}
_STATES = {
    "queued": CallState.ACCEPTED,
    "initiated": CallState.ACCEPTED,
    "ringing": CallState.RINGING,
    "in-progress": CallState.IN_PROGRESS,
    "completed": CallState.COMPLETED,
    "busy": CallState.BUSY,
    "no-answer": CallState.NO_ANSWER,
    "failed": CallState.FAILED,
    "canceled": CallState.CANCELLED,
}


class CallClient:
    """Places calls of one Twilio account."""

    def __init__(self, sdk: Client) -> None:
        self._sdk = sdk

    async def place(self, call: OutgoingCall, *, not_after: float) -> CallReceipt:
        """Have Twilio place one call, once: nothing here or below tries again.

        `not_after` and ProviderError are as those of `TextClient.send_text`.
        """
        with claimed_http.exchange(not_after) as exchange:
            try:
                created = await self._sdk.calls.create_async(
                    to=call.to,
                    from_=call.from_,
                    url=call.answer_url,
                    status_callback=call.status_callback,
                    status_callback_event=EVENTS,
                    timeout=call.ring_seconds,
                    time_limit=call.most_seconds,
                    **_detection(call),
                )
            except ClaimTooOld:
                raise claimed_http.too_old() from None
            except TwilioException as exc:
                raise refusal_of(exc, exchange.retry_after, means=errors.of_call_request) from exc
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError) as exc:
                raise broken(exc, exchange, "Twilio") from exc
        if not created.sid:
            raise broken(ValueError("no sid"), exchange, "Twilio")
        return CallReceipt(str(created.sid), str(created.status))


def _detection(call: OutgoingCall) -> dict[str, Any]:
    """In the background, so that a person hears us within two seconds."""
    if not call.machine_callback:
        return {}
    return {
        "machine_detection": "DetectMessageEnd",
        "machine_detection_timeout": MACHINE_SECONDS,
        "async_amd": "true",
        "async_amd_status_callback": call.machine_callback,
    }


def place_now(access: TwilioAccess, call: OutgoingCall, *, not_after: float) -> CallReceipt:
    """As `CallClient.place`, for whoever has no event loop: one request over a connection of its own."""

    async def once() -> CallReceipt:
        async with TwilioPool(1) as pool:
            return await CallClient(pool.sdk(access)).place(call, not_after=not_after)

    return asyncio.run(once())


def list_calls(access: TwilioAccess, *, to: str, created_after: datetime) -> list[ListedCall]:
    """Calls that we had placed to `to`, created at or after `created_after`, newest first.

    For adopting calls whose answer was lost. Filters by `To` alone, because Twilio's dates are those of the
    start, which hide what is still queued. Reads on until a whole page is older. Raises ProviderError.
    """
    found: list[ListedCall] = []
    with asking() as http:
        page = sdk_of(access, http).calls.page(to=to, page_size=1000)
        while page is not None:
            rows = list(page)
            recent = [row for row in rows if created_at(row) >= created_after]
            found += [_listed(row) for row in recent if str(row.direction) == "outbound-api"]
            page = page.next_page() if recent or not rows else None
    return found


def look_up(access: TwilioAccess, provider_id: str) -> CallReport:
    """Where one call stands by the provider's books. Raises ProviderError."""
    with asking() as http:
        return _listed(sdk_of(access, http).calls(provider_id).fetch()).report


def attempts_of(access: TwilioAccess, provider_id: str) -> set[UUID]:
    """The attempts that the addresses of one call name: those it was placed with and those it has asked.

    Proof of whose call it is where its number and phone fit several. Twilio shows a call's requests from a
    quarter of an hour after its end on, for a month; until then, and of a call it does not know, none.
    Raises ProviderError.
    """
    return {
        UUID(named)
        for request in _requests(access, provider_id)
        for address in _addresses_of(request)
        for named in _ATTEMPT.findall(address)
    }


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key that somebody pressed and that an address of ours was asked about."""

    url: str
    digits: str


def keys_of(access: TwilioAccess, provider_id: str) -> list[Pressed]:
    """Keys pressed during one call, in their order, whether anybody answered or not. Shown as late as
    `attempts_of`. Raises ProviderError."""
    found = []
    for request in _requests(access, provider_id):
        parameters = request.get("parameters")
        if isinstance(parameters, Mapping) and (digits := str(parameters.get("digits") or "")):
            found.append(Pressed(str(request.get("url") or ""), digits))
    return found


def _requests(access: TwilioAccess, provider_id: str) -> list[Mapping[str, Any]]:
    """Requests about one call, the one that placed it first; none of a call that Twilio does not know."""
    try:
        with asking() as http:
            shown = sdk_of(access, http).calls(provider_id).events.list(limit=MOST_REQUESTS)
    except ProviderError as error:
        if error.code != NOT_FOUND:
            raise
        return []
    return [one.request for one in shown if isinstance(one.request, Mapping)]


def _addresses_of(request: Mapping[str, Any]) -> Iterator[str]:
    """What was asked for, and what the request itself tells to ask."""
    yield str(request.get("url") or "")
    parameters = request.get("parameters")
    if isinstance(parameters, Mapping):
        yield from (str(parameters.get(name) or "") for name in _ADDRESSES)


def status_event_id(params: Mapping[str, str]) -> str:
    """The key under which one status of one call is stored once: sid, status, number in its sequence."""
    return f"{params.get('CallSid', '')}:{params.get('CallStatus', '')}:{params.get('SequenceNumber', '')}"


def parse_status(params: Mapping[str, str]) -> CallReport:
    """A status callback's fields."""
    return report(
        provider_id=params.get("CallSid", ""),
        status=params.get("CallStatus", ""),
        sequence=_whole(params.get("SequenceNumber")),
        answered_by=params.get("AnsweredBy", ""),
        seconds=_whole(params.get("CallDuration")),
        code=params.get("ErrorCode", ""),
        sip=params.get("SipResponseCode", ""),
    )


def report(
    *,
    provider_id: str,
    status: str,
    sequence: int | None = None,
    answered_by: str = "",
    seconds: int | None = None,
    code: str = "",
    sip: str = "",
) -> CallReport:
    """A status in our words. An unknown status has rank 0."""
    state = _STATES.get(status)
    meaning = errors.of_failed_call(code, sip) if state == CallState.FAILED else None
    if meaning is not None and meaning.state is not None:
        state = CallState(meaning.state.value)
    return CallReport(
        provider_id=provider_id,
        status=status,
        state=state,
        rank=RANKS[state] if state else 0,
        sequence=-1 if sequence is None else sequence,
        answered_by=answered_by,
        seconds=seconds if state and RANKS[state] == RANKS[CallState.COMPLETED] else None,
        code=code or (f"sip_{sip}" if meaning and sip else ""),
        meaning=meaning.meaning if meaning else "",
        remedy=meaning.remedy if meaning else Remedy.NONE,
    )


def _listed(row: Any) -> ListedCall:
    return ListedCall(
        report=report(
            provider_id=str(row.sid),
            status=str(row.status),
            answered_by=str(row.answered_by or ""),
            seconds=_whole(row.duration),
        ),
        to=str(row.to),
        from_=str(row._from or ""),
        created_at=created_at(row),
    )


def _whole(value: object) -> int | None:
    words = str(value or "")
    return int(words) if words.isascii() and words.isdigit() else None
