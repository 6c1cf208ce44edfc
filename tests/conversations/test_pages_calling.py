"""Settings, Calls: read by everybody, set by admins; recordings heard by who may read conversations."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread as PythonThread
from typing import ClassVar

import pytest
from django.test import Client

from accounts.models import Account, AuditEntry
from common import clock
from conversations import call_routing, recordings
from conversations.models import Call, CallSettings
from integrations.models import SendingNumber
from tests import factories
from tests.accounts.making import make_member, signed_in

pytestmark = pytest.mark.django_db
GOOD = {
    "office_line": "(312) 555-0177", "transfer_to": "both", "ring_seconds": "30", "per_second": "2",
    "most_at_once": "8", "records": "on", "recording_notice": "Calls are recorded.",
    "missed_words": "Please leave a message.",
}  # fmt: skip


class Provider(BaseHTTPRequestHandler):
    """Twilio as far as recordings and numbers go."""

    asked: ClassVar[list[tuple[str, str, str]]] = []

    def do_GET(self) -> None:
        self._answer(200 if self.path.endswith("/RE1.mp3") else 404, b"ID3sound")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(200, b'{"sid": "PN1"}', body)

    def do_DELETE(self) -> None:
        self._answer(204 if "RE1" in self.path else 404, b"")

    def _answer(self, status: int, body: bytes, said: str = "") -> None:
        self.asked.append((self.command, self.path, said))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def provider() -> Iterator[str]:
    Provider.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), Provider)
    PythonThread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(make_member(account, "admin"))


def test_an_admin_sets_it_and_the_log_says_what(admin: Client, account: Account) -> None:
    page = admin.get("/settings/calls/").content.decode()
    assert "Nobody is rung" in page
    assert admin.post("/settings/calls/", GOOD).status_code == 302
    kept = call_routing.settings_of(account)
    assert (kept.office_line, kept.transfer_to, kept.ring_seconds) == ("+13125550177", "both", 30)
    assert (kept.per_second, kept.most_at_once, kept.records) == (2, 8, True)
    entry = AuditEntry.objects.get(verb="changed_calls")
    assert entry.detail["ring_seconds"] == "20 → 30"
    shown = admin.get("/settings/calls/").content.decode()
    assert "(312) 555-0177" in shown and "Nobody is rung" not in shown
    admin.post("/settings/calls/", GOOD)
    assert AuditEntry.objects.filter(verb="changed_calls").count() == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"office_line": "12"}, "This is no phone number"),
        ({"office_line": ""}, "Write the office line, or let available agents be rung alone."),
        ({"office_line": "+1 312 555 0190"}, "it would ring itself"),
        ({"ring_seconds": "10"}, "greater than or equal to 15"),
        ({"per_second": "31"}, "less than or equal to 30"),
        ({"recording_notice": " "}, "This field is required"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_changed(
    admin: Client, account: Account, changed: dict[str, str], words: str
) -> None:
    factories.make_number(account, "+13125550190")
    answer = admin.post("/settings/calls/", {**GOOD, **changed})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page and "Nothing was changed" in page
    assert not CallSettings.objects.exists()


@pytest.mark.parametrize("role", ["csr", "marketer", "agent"])
def test_others_read_it(account: Account, role: str) -> None:
    client = signed_in(make_member(account, role))
    page = client.get("/settings/calls/").content.decode()
    assert "Admins change these" in page and '<form class="form"' not in page
    assert client.post("/settings/calls/", GOOD).status_code == 403


def test_numbers_are_connected_when_somebody_says_so(admin: Client, account: Account, provider: str) -> None:
    number = factories.make_number(account, "+13125550190", base_url=provider, provider_sid="PN1")
    factories.make_number(account, "+13125550191")
    SendingNumber.objects.exclude(pk=number.pk).update(provider_sid="")
    page = admin.post("/settings/calls/connect/", follow=True).content.decode()
    assert "Calls to 1 number now come here" in page
    assert "(312) 555-0191 is not known by its id" in page
    ((verb, path, said),) = Provider.asked
    assert (verb, path.endswith("/IncomingPhoneNumbers/PN1.json")) == ("POST", True)
    assert "VoiceUrl=" in said and "calls%2Finbound" in said and "inbound%2Fstatus" in said
    assert AuditEntry.objects.filter(verb="connected_calls").count() == 1


def test_a_recording_is_heard_through_us(admin: Client, account: Account, provider: str) -> None:
    factories.make_number(account, "+13125550190", base_url=provider)
    call = factories.make_recorded_call(account)
    answer = admin.get(f"/calls/{call.pk}/recording/")
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "audio/mpeg", b"ID3sound")
    assert answer["Cache-Control"] == "private, no-store"
    Call.objects.update(recording_id="RE2")
    assert admin.get(f"/calls/{call.pk}/recording/").status_code == 404
    assert Client().get(f"/calls/{call.pk}/recording/").status_code == 302
    stranger = signed_in(make_member(factories.make_account(), "admin"))
    assert stranger.get(f"/calls/{call.pk}/recording/").status_code == 404


def test_old_recordings_are_deleted_at_the_provider(account: Account, provider: str, settings) -> None:
    settings.RECORDING_DAYS = 30
    factories.make_number(account, "+13125550190", base_url=provider)
    call = factories.make_recorded_call(account)
    assert recordings.delete_old(now=clock.now()) == 0
    Call.objects.update(created_at=clock.now() - timedelta(days=31))
    assert recordings.delete_old(now=clock.now()) == 1
    call.refresh_from_db()
    assert (call.recording_id, call.recording_seconds) == ("", 42)
    assert [verb for verb, _, _ in Provider.asked] == ["DELETE"]
