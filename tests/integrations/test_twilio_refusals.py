"""What Twilio's answers say of a text or a call that was asked for: taken, surely not taken, or nobody knows.
Neither is ever asked for twice.
"""

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web

from integrations.messaging import DeliveryState, ProviderError, Remedy
from tests.integrations.twilio_asking import CALL, TEXT, Asking, answering

FAILED, REJECTED = DeliveryState.FAILED, DeliveryState.REJECTED
OF_BOTH: list[tuple[int, int, str, bool, DeliveryState | None, Remedy]] = [
    (400, 21211, "no", True, FAILED, Remedy.NUMBER_INVALID),
    (400, 99999, "no", True, REJECTED, Remedy.NONE),
    (401, 20003, "no", True, REJECTED, Remedy.STOP_ACCOUNT),
    (429, 20429, "no", False, None, Remedy.RETRY_LATER),
    (408, 20408, "unknown", False, None, Remedy.NONE),
    (500, 20500, "unknown", False, None, Remedy.NONE),
    (503, 20503, "unknown", False, None, Remedy.NONE),
]
OF_TEXTS: list[tuple[int, int, str, bool, DeliveryState | None, Remedy]] = [
    (400, 21610, "no", True, REJECTED, Remedy.OPTED_OUT),
    (400, 21611, "no", False, None, Remedy.RETRY_LATER),
]
OF_CALLS: list[tuple[int, int, str, bool, DeliveryState | None, Remedy]] = [
    (400, 21215, "no", True, REJECTED, Remedy.FIX_SETTINGS),
    (400, 21216, "no", True, REJECTED, Remedy.NONE),
    (400, 22005, "no", True, FAILED, Remedy.NONE),
    (403, 70000, "no", True, REJECTED, Remedy.STOP_ACCOUNT),
    (429, 10004, "no", False, None, Remedy.RETRY_LATER),
]
CODES = [(TEXT, *row) for row in [*OF_BOTH, *OF_TEXTS]] + [(CALL, *row) for row in [*OF_BOTH, *OF_CALLS]]
both = pytest.mark.parametrize("asking", [TEXT, CALL], ids=lambda asking: asking.name)


def refused(server: Any, asking: Asking, **how: Any) -> ProviderError:
    """The error that asking ends in."""
    with pytest.raises(ProviderError) as caught:
        asking.ask(server.url, **how)
    return caught.value


@pytest.mark.parametrize(
    ("asking", "status", "code", "accepted", "permanent", "state", "remedy"),
    CODES, ids=[f"{asking.name}-{code}" for asking, _, code, *_ in CODES],
)  # fmt: skip
def test_refusals_say_whether_anything_was_taken(
    server: Any, asking: Asking, status: int, code: int, accepted: str, permanent: bool, state: Any,
    remedy: Remedy,
) -> None:  # fmt: skip
    server.handler = answering(status, {"code": code, "message": "no", "more_info": "", "status": status})
    error = refused(server, asking)
    assert (error.accepted, error.permanent, error.state, error.remedy, error.code) == (
        accepted, permanent, state, remedy, str(code),
    )  # fmt: skip
    assert len(server.requests) == 1, "nothing may ask again"


@both
def test_problem_documents_are_understood_as_well(server: Any, asking: Asking) -> None:
    server.handler = answering(400, {"type": "t", "title": "Bad To", "status": 400, "code": 21211})
    error = refused(server, asking)
    assert (error.code, error.state) == ("21211", FAILED)


@both
def test_throttling_tells_how_long_to_wait(server: Any, asking: Asking) -> None:
    body = {"code": 20429, "message": "Too Many Requests", "status": 429}
    server.handler = answering(429, body, headers={"Retry-After": "2"})
    assert refused(server, asking).retry_after == 2.0


@both
@pytest.mark.parametrize(
    ("status", "words", "accepted"),
    [(502, "<html>Bad gateway</html>", "unknown"), (403, "<html>Forbidden</html>", "no")],
)
def test_answers_that_are_not_json(
    server: Any, asking: Asking, status: int, words: str, accepted: str
) -> None:
    server.handler = answering(status, words)
    assert refused(server, asking).accepted == accepted


@both
@pytest.mark.parametrize("answer", ["<html>OK?</html>", "{}", "", '{"sid": null, "status": "queued"}'])
def test_an_acceptance_that_names_nothing_proves_nothing(server: Any, asking: Asking, answer: str) -> None:
    server.handler = answering(201, answer)
    error = refused(server, asking)
    assert (error.accepted, error.code) == ("unknown", "unreadable")


@both
def test_a_connection_that_dies_after_the_request_proves_nothing(server: Any, asking: Asking) -> None:
    async def die(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.handler = die
    error = refused(server, asking)
    assert (error.accepted, error.code) == ("unknown", "disconnected")
    assert len(server.requests) == 1


@both
def test_an_answer_that_never_comes_proves_nothing(
    server: Any, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.claimed_http.TOTAL_SECONDS", 0.3)

    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1.0)
        return web.json_response(asking.accepted(), status=201)

    server.handler = silence
    error = refused(server, asking)
    assert (error.accepted, error.code) == ("unknown", "timeout")


@both
def test_who_is_not_there_took_nothing(server: Any, asking: Asking) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        error = refused(server, asking)
    assert (error.accepted, error.permanent, error.code) == ("no", False, "unreachable")


@both
def test_a_claim_that_is_too_old_asks_for_nothing(server: Any, asking: Asking) -> None:
    server.handler = answering(201, asking.accepted())
    error = refused(server, asking, claim_seconds=-0.01)
    assert (error.accepted, error.permanent, error.code) == ("no", False, "claim_too_old")
    assert server.requests == []
