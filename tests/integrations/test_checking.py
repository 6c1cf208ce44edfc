"""Trying a connection: every way it can fail has an answer that says what to do."""

import asyncio
import time
from dataclasses import replace

import pytest
from aiohttp import web

from integrations import checking
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.twilio.client import TwilioAccess
from tests.integrations.conftest import LocalServer

pytestmark = pytest.mark.django_db  # the turns of the source's budget

TOKEN = {"access_token": "t", "expires_in": 900}


def access_to(server: LocalServer) -> ServiceTitanAccess:
    return ServiceTitanAccess("id", "secret", "key", "123", base_url=server.url, auth_base_url=server.url)


def answering(server: LocalServer, statuses: dict[str, int]) -> None:
    """200 for everything but the paths that end so."""

    async def handler(request: web.Request) -> web.StreamResponse:
        for end, status in statuses.items():
            if request.path.endswith(end):
                return web.json_response({"title": "no"}, status=status)
        return web.json_response(
            TOKEN if request.path == "/connect/token" else {"data": [], "hasMore": False}
        )

    server.handler = handler


def test_a_connection_that_works(server):
    answering(server, {})
    answer = checking.servicetitan(access_to(server))
    assert (answer.works, answer.text) == (True, "")
    assert server.paths()[0] == "POST /connect/token"
    assert len(server.requests) == 1 + len(checking.SCOPES + checking.MORE_SCOPES)
    assert {r.headers["ST-App-Key"] for r in server.requests[1:]} == {"key"}


@pytest.mark.parametrize(
    ("end", "status", "title"),
    [
        ("/connect/token", 400, "refused the client ID or the client secret"),
        ("/connect/token", 401, "refused the client ID or the client secret"),
        ("/connect/token", 429, "asks us to wait"),
        ("/connect/token", 500, "answered with an error (500)"),
        ("/customers", 401, "refused the app key"),
        ("/customers", 404, "not allowed for tenant 123"),
        ("/jobs", 429, "asks us to wait"),
        ("/jobs", 502, "answered with an error (502)"),
    ],
)
def test_each_refusal_of_servicetitan_has_its_answer(server, end, status, title):
    answering(server, {end: status})
    answer = checking.servicetitan(access_to(server))
    assert not answer.works
    assert title in answer.title and answer.text


def test_every_missing_scope_is_named(server):
    answering(server, {"/appointments": 403, "/tag-types": 403})
    answer = checking.servicetitan(access_to(server))
    assert (answer.works, answer.title) == (False, "The app may not read appointments, tag types")


def test_what_is_not_needed_is_named_and_nothing_fails(server):
    answering(server, {"/invoices": 403, "/estimates": 404})
    answer = checking.servicetitan(access_to(server))
    assert (answer.works, answer.title) == (
        True, "ServiceTitan answers, but the app may not read invoices, estimates"
    )  # fmt: skip


def test_nobody_there():
    access = ServiceTitanAccess("i", "s", "k", "1", "http://127.0.0.1:9", "http://127.0.0.1:9")
    assert checking.servicetitan(access).title == "ServiceTitan could not be reached"
    twilio = TwilioAccess("AC0", "t", "http://127.0.0.1:9")
    assert checking.of_twilio(twilio).title == "Twilio could not be reached"


def test_a_slow_provider_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(checking, "REQUEST_SECONDS", 0.1)

    async def handler(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(TOKEN)

    server.handler = handler
    assert "took too long" in checking.servicetitan(access_to(server)).title
    assert "took too long" in checking.of_twilio(TwilioAccess("AC0", "t", server.url)).title
    time.sleep(0.4)  # until the server, too, has given up


def test_the_whole_takes_bounded_time(server, monkeypatch):
    answering(server, {})
    monkeypatch.setattr(checking, "LONGEST_SECONDS", 0.0)
    assert "took too long" in checking.servicetitan(access_to(server)).title


@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        (401, 20003, "refused the account SID or the auth token"),
        (404, 20404, "knows no such account"),
        (500, 0, "answered with an error (500)"),
    ],
)
def test_each_refusal_of_twilio_has_its_answer(server, status, code, title):
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": code, "message": "no", "status": status}, status=status)

    server.handler = handler
    answer = checking.of_twilio(TwilioAccess("AC0", "t", server.url))
    assert not answer.works and title in answer.title


@pytest.mark.parametrize(
    ("able", "title"), [(0, "no number that can text"), (1, "1 number"), (2, "2 numbers")]
)
def test_twilios_numbers_are_counted(server, able, title):
    async def handler(request: web.Request) -> web.StreamResponse:
        numbers = [
            {"sid": f"PN{n}", "phone_number": f"+1312555010{n}", "capabilities": {"sms": n < able}}
            for n in range(2)
        ]
        return web.json_response({"incoming_phone_numbers": numbers, "next_page_uri": None})

    server.handler = handler
    answer = checking.of_twilio(TwilioAccess("AC0", "t", server.url))
    assert answer.works and title in answer.title


def test_a_secret_is_in_no_answer(server):
    answering(server, {"/connect/token": 400})
    answer = checking.servicetitan(replace(access_to(server), client_secret="hush-hush"))
    assert "hush-hush" not in f"{answer}"
