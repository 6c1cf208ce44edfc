"""The adapters against the provider sandbox, a process that knows nothing of the product's code."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from aiohttp import web

from integrations.messaging import DeliveryState, OutgoingText
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import ServiceTitanClient
from integrations.servicetitan.entities import EXPORTS
from integrations.servicetitan.requests import BookingRequest
from integrations.twilio import webhooks
from integrations.twilio.client import TwilioAccess, TwilioPool
from integrations.twilio.lists import list_texts
from integrations.twilio.numbers import list_numbers

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Sandbox:
    """Where it listens and what it accepts."""

    url: str
    credentials: dict[str, str]

    @property
    def twilio(self) -> TwilioAccess:
        return TwilioAccess(self.credentials["account_sid"], self.credentials["auth_token"], self.url)

    @property
    def servicetitan(self) -> ServiceTitanAccess:
        secrets = {name: self.credentials[name] for name in ("client_id", "client_secret", "app_key")}
        return ServiceTitanAccess(
            **secrets, tenant_id=self.credentials["tenant_id"], base_url=self.url, auth_base_url=self.url
        )


@pytest.fixture
def sandbox(server: Any, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with thirty silent customers, whose webhooks come to the local server."""
    kept = tmp_path / "credentials.json"
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(tmp_path)]
    command += ["--credentials", str(kept), "--webhook-base", server.url]
    command += ["--demo", "--demo-customers", "30", "--customers", "silent", "--speed", "600"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("sandbox on http"), said
        yield Sandbox(said.split()[-1], json.loads(kept.read_text()))
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def test_a_text_is_accepted_called_back_with_a_true_signature_and_listed(
    server: Any, sandbox: Sandbox
) -> None:
    async def accept(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<Response/>", content_type="text/xml")

    server.handler = accept
    sender = list_numbers(sandbox.twilio)[0]
    attempt = uuid4()
    path = f"/webhooks/twilio/messages/status/{attempt}"
    text = OutgoingText(attempt, "+15125550142", sender.e164, "Time for a tune-up?", server.url + path, 3600)

    async def send() -> Any:
        async with TwilioPool(2) as pool:
            return await pool.client(sandbox.twilio).send_text(text, not_after=time.monotonic() + 3)

    receipt = asyncio.run(send())
    assert (receipt.state, receipt.segments) == (DeliveryState.ACCEPTED, 1)
    deadline = time.monotonic() + 15
    reports = []
    while not any(report.state is DeliveryState.DELIVERED for report in reports):
        assert time.monotonic() < deadline, server.paths()
        time.sleep(0.05)
        calls = [request for request in server.requests if request.path == path]
        reports = [webhooks.parse_status(dict(parse_qsl(call.body)), attempt) for call in calls]
    tokens = (sandbox.twilio.auth_token,)
    for call in calls:
        fields = dict(parse_qsl(call.body, keep_blank_values=True))
        assert webhooks.verify(server.url + path, fields, call.headers, tokens)
        assert not webhooks.verify(server.url + path, {**fields, "To": "x"}, call.headers, tokens)
    assert {report.provider_id for report in reports} == {receipt.provider_id}
    since = datetime.now(UTC) - timedelta(hours=1)
    [listed] = list_texts(sandbox.twilio, to=text.to, created_after=since)
    assert (listed.receipt.provider_id, listed.body) == (receipt.provider_id, text.body)


@pytest.mark.django_db
def test_every_export_is_read_and_a_booking_becomes_a_job(sandbox: Sandbox) -> None:
    client = ServiceTitanClient(sandbox.servicetitan)
    try:
        rows = {name: [r for page in client.export(name) for r in page.records] for name in EXPORTS}
        assert len(rows["customers"]) >= 30
        customers = {customer.id for customer in rows["customers"]}
        for name in ("contacts", "locations", "jobs"):
            assert rows[name]
            assert {row.customer_id for row in rows[name]} <= customers
        assert all(row.name for name in ("business-units", "tag-types") for row in rows[name])
        types = client.list_job_types()
        wish = BookingRequest(
            external_id="tr-1",
            name=rows["customers"][0].name or "",
            summary="Tune-up",
            phone="+15125550142",
            business_unit_id=rows["business-units"][0].id,
            job_type_id=types[0].id,
            customer_id=rows["customers"][0].id,
        )
        booking = client.create_booking(wish)
        assert [known.id for known in client.bookings_by_external_id("tr-1")] == [booking.id]
        deadline = time.monotonic() + 20
        while (booking := client.get_booking(booking.id)).status != "Converted":
            assert time.monotonic() < deadline, booking
            time.sleep(0.2)
        assert booking.job_id is not None
        assert client.job(booking.job_id).booking_id == booking.id
        assert [job.id for job in client.jobs(booking_id=booking.id)] == [booking.job_id]
    finally:
        client.close()
