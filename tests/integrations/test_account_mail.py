"""Account mail through SendGrid's SDK."""

import json
from typing import Any

import pytest
from aiohttp import web
from django.core.mail import EmailMultiAlternatives, get_connection

from integrations.messaging import ProviderError

BACKEND = "integrations.sendgrid.mail.EmailBackend"


def mail(**changes: Any) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        subject="Reset your password",
        body="Open the link.",
        from_email="Truckroll <no-reply@app.example>",
        to=["Ann Lee <ann@example.com>"],
        reply_to=["help@app.example"],
        **changes,
    )
    message.attach_alternative("<p>Open the link.</p>", "text/html")
    return message


@pytest.fixture
def sendgrid(server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.key")
    monkeypatch.setenv("SENDGRID_API_BASE_URL", server.url)

    async def accept(_: web.Request) -> web.StreamResponse:
        return web.Response(status=202, headers={"X-Message-Id": "m1"})

    server.handler = accept
    return server


def test_a_message_reaches_sendgrid_with_both_bodies(sendgrid: Any) -> None:
    assert get_connection(BACKEND).send_messages([mail(cc=["bob@example.com"])]) == 1
    [request] = sendgrid.requests
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["Authorization"] == "Bearer SG.key"
    assert json.loads(request.body) == {
        "from": {"email": "no-reply@app.example", "name": "Truckroll"},
        "reply_to": {"email": "help@app.example"},
        "subject": "Reset your password",
        "personalizations": [
            {"to": [{"email": "ann@example.com", "name": "Ann Lee"}], "cc": [{"email": "bob@example.com"}]}
        ],
        "content": [
            {"type": "text/plain", "value": "Open the link."},
            {"type": "text/html", "value": "<p>Open the link.</p>"},
        ],
    }


def test_without_a_key_it_fails_clearly_or_quietly_as_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SENDGRID_API_KEY", raising=False)
    with pytest.raises(ProviderError, match="SENDGRID_API_KEY"):
        get_connection(BACKEND).send_messages([mail()])
    caplog.clear()
    assert get_connection(BACKEND, fail_silently=True).send_messages([mail()]) == 0
    assert "SENDGRID_API_KEY is not set" in caplog.text


@pytest.mark.parametrize(
    ("status", "permanent", "accepted"), [(401, True, "no"), (429, False, "no"), (500, False, "unknown")]
)
def test_refusals_are_provider_errors(sendgrid: Any, status: int, permanent: bool, accepted: str) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"errors": [{"message": "no", "field": None}]}, status=status)

    sendgrid.handler = refuse
    with pytest.raises(ProviderError) as caught:
        get_connection(BACKEND).send_messages([mail()])
    assert (caught.value.code, caught.value.permanent, caught.value.accepted) == (
        str(status),
        permanent,
        accepted,
    )
    assert get_connection(BACKEND, fail_silently=True).send_messages([mail()]) == 0


def test_the_product_sends_its_account_mail_this_way() -> None:
    from config import settings as product

    assert product.EMAIL_BACKEND == BACKEND
