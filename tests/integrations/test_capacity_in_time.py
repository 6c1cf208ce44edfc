"""ServiceTitan's windows are asked for while a customer is on the phone: answered in time, or given up."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from integrations.messaging import ProviderError
from integrations.servicetitan import client
from tests.integrations.tenant import Tenant, problem

HURRY = 0.4


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(client, "CAPACITY_SECONDS", HURRY)


def ask(tenant: Tenant) -> list[object]:
    first = datetime(2026, 11, 24, tzinfo=UTC)
    return list(tenant.client().capacity(first, first + timedelta(days=14), unit_id=None, job_type_id=None))


@pytest.mark.parametrize("hangs_at", ["/connect/token", "/capacity"])
def test_who_hangs_is_given_up_in_time(tenant: Tenant, hangs_at: str) -> None:
    over = threading.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        if request.path.endswith(hangs_at):
            await asyncio.to_thread(over.wait, 30)
        return await tenant.answer(request)

    tenant.server.handler = slow
    began = time.monotonic()
    with pytest.raises(ProviderError):
        ask(tenant)
    waited = time.monotonic() - began
    over.set()
    assert waited < 25 * HURRY, "as long as it hangs, or as any other question may take"
    assert tenant.pauses == [], "no second try that could not be in time either"


def test_who_asks_us_to_wait_longer_is_not_waited_for(tenant: Tenant) -> None:
    tenant.script = [problem(429, **{"Retry-After": "30"})]
    with pytest.raises(ProviderError) as refused:
        ask(tenant)
    assert refused.value.code == "429" and tenant.pauses == []


def test_a_slip_is_repeated(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CAPACITY_SECONDS", 30.0)
    tenant.script = [problem(500), web.json_response({"availabilities": []})]
    assert ask(tenant) == [] and len(tenant.pauses) == 1
