"""The sender's email client over HTTP: what leaves, what does not, and what is known afterwards."""

import asyncio
import json
import socket
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from integrations.messaging import DeliveryState, OutgoingEmail, ProviderError, Receipt, Remedy
from integrations.sendgrid.client import SendGridAccess, SendGridPool, build
from tests.contracts.specifications import load

ATTEMPT = UUID("0192d2c0-0000-7000-8000-000000000001")
EMAIL = OutgoingEmail(
    attempt_id=ATTEMPT,
    to="pat@example.org",
    from_="office@comfort.example",
    from_name="Comfort Air, “the” office",
    subject="Time for a tune-up?",
    body="Hi Pat,\n\nit is time. 10 % off → now.",
)


def send(url: str, *, claim_seconds: float = 3.0) -> Receipt:
    async def once() -> Receipt:
        async with SendGridPool(4) as pool:
            client = pool.client(SendGridAccess("SG.key", url))
            return await client.send_email(EMAIL, not_after=time.monotonic() + claim_seconds)

    return asyncio.run(once())


def refused(url: str, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        send(url, **options)
    return caught.value


def answering(status: int, errors: Any = None, **headers: str) -> Any:
    async def handler(_: web.Request) -> web.StreamResponse:
        if errors is None:
            return web.Response(status=status, headers=headers)
        return web.json_response({"errors": errors}, status=status, headers=headers)

    return handler


def test_an_accepted_email_fits_the_description_and_names_its_attempt(server: Any) -> None:
    server.handler = answering(202, **{"X-Message-Id": "abc.def"})
    assert send(server.url) == Receipt("abc.def", "202", DeliveryState.ACCEPTED, 0)
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["Authorization"] == "Bearer SG.key"
    body = json.loads(request.body)
    load("sendgrid_tsg_mail_v3.json").check_request("POST", "/v3/mail/send", body)
    assert body["from"] == {"email": EMAIL.from_, "name": EMAIL.from_name}
    assert (body["subject"], body["content"]) == (
        EMAIL.subject, [{"type": "text/plain", "value": EMAIL.body}]
    )  # fmt: skip
    [part] = body["personalizations"]
    assert part["to"] == [{"email": "pat@example.org"}]
    assert part["custom_args"] == {"attempt": str(ATTEMPT)}
    assert part["headers"] == {"Message-ID": f"<{ATTEMPT}@comfort.example>"}
    assert body["tracking_settings"]["click_tracking"]["enable"] is False


@pytest.mark.parametrize("name", ["", "The office <boss@example.org>"])
@pytest.mark.parametrize(
    "written", ["ann@example.org;", "<ann@example.org>", "ann@example.org,b@example.org", "@"]
)
def test_no_other_mailbox_is_read_into_the_one_that_was_asked_about(written: str, name: str) -> None:
    built = build(replace(EMAIL, to=written, from_name=name)).get()
    assert built["personalizations"][0]["to"] == [{"email": written}]
    assert built["from"] == {"email": EMAIL.from_} | ({"name": name} if name else {})


@pytest.mark.parametrize(
    ("status", "field", "code", "accepted", "permanent", "state", "remedy"),
    [
        (400, "personalizations.0.to.0.email", "invalid_recipient", "no", True, DeliveryState.FAILED,
         Remedy.MAILBOX_INVALID),
        (400, "content.0.value", "refused", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (400, None, "refused", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (401, None, "unauthorised", "no", True, DeliveryState.REJECTED, Remedy.STOP_ACCOUNT),
        (403, "from", "bad_sender", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (403, None, "unauthorised", "no", True, DeliveryState.REJECTED, Remedy.STOP_ACCOUNT),
        (413, None, "too_large", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (429, None, "429", "no", False, None, Remedy.RETRY_LATER),
        (408, None, "408", "unknown", False, None, Remedy.NONE),
        (500, None, "500", "unknown", False, None, Remedy.NONE),
        (503, None, "503", "unknown", False, None, Remedy.NONE),
    ],
)  # fmt: skip
def test_every_refusal_has_one_meaning(
    server: Any,
    status: int,
    field: Any,
    code: str,
    accepted: str,
    permanent: bool,
    state: Any,
    remedy: Remedy,
) -> None:
    server.handler = answering(status, [{"message": "Does not contain a valid address.", "field": field}])
    error = refused(server.url)
    assert (error.code, error.accepted, error.permanent) == (code, accepted, permanent)
    assert (error.state, error.remedy) == (state, remedy)
    assert len(server.requests) == 1, "nothing is ever tried again here"


def test_a_throttled_email_says_when_to_come_back(server: Any) -> None:
    server.handler = answering(429, [], **{"X-RateLimit-Reset": str(int(time.time()) + 30)})
    assert 25 < (refused(server.url).retry_after or 0) <= 30
    server.handler = answering(429, [], **{"X-RateLimit-Reset": "1e300"})
    assert refused(server.url).retry_after == 300, "never for long, whatever the clocks say"


@pytest.mark.parametrize("body", ["<html>502</html>", "[]", '{"errors": []}', '{"errors": [null]}', ""])
def test_an_answer_without_readable_errors_is_understood_by_its_status(server: Any, body: str) -> None:
    async def gateway(_: web.Request) -> web.StreamResponse:
        return web.Response(status=502, text=body)

    server.handler = gateway
    assert (refused(server.url).accepted, refused(server.url).code) == ("unknown", "502")


def test_an_answer_that_never_comes_is_unknown(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.claimed_http.TOTAL_SECONDS", 0.3)

    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1.0)
        return web.Response()

    server.handler = silence
    error = refused(server.url)
    assert (error.accepted, error.code) == ("unknown", "timeout")


def test_a_cut_connection_and_an_acceptance_without_a_name_are_unknown(server: Any) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.handler = drop
    assert (refused(server.url).accepted, refused(server.url).code) == ("unknown", "disconnected")
    server.handler = answering(202)
    assert (refused(server.url).accepted, refused(server.url).code) == ("unknown", "unreadable")


def test_nothing_leaves_without_a_connection_or_once_the_claim_is_too_old(server: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert (refused(nobody).accepted, refused(nobody).code) == ("no", "unreachable")
    server.handler = answering(202, **{"X-Message-Id": "a"})
    assert (refused(server.url, claim_seconds=-1).accepted, server.requests) == ("no", [])
