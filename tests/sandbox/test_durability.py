"""kill -9 loses nothing that was answered, and nothing that was still to come."""

import threading
import time

import httpx
import pytest

from tests.sandbox.messages import FROM, send
from tests.sandbox_process import SandboxProcess, StartSandbox
from tests.webhook_sink import Sink


def test_accepted_messages_and_pending_callbacks_survive_a_kill(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(segments_per_second=25, callbacks={"shuffle": True, "shuffle_seconds": 1})
    sids: list[str] = []

    def work(name: int) -> None:
        try:
            for n in range(40):
                answer = send(sandbox, body=f"{name} {n}", StatusCallback=sink.callback(f"{name}-{n}"))
                sids.append(answer.json()["sid"])
        except (httpx.TransportError, RuntimeError):
            return  # the kill cut this one: it may or may not have been accepted

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    while len(sids) < 60:
        time.sleep(0.005)
    sandbox.kill()
    for thread in threads:
        thread.join()
    answered = list(sids)
    sandbox.start()
    entries = sandbox.ledger("message")
    assert set(answered) <= {entry["sid"] for entry in entries}
    assert len({entry["attempt"] for entry in entries}) == len(entries)
    sink.wait(lambda: all(set(sink.statuses(sid)) >= {"sent", "delivered"} for sid in answered), seconds=20)


def test_pending_replies_survive_a_kill(start_sandbox: StartSandbox, sink: Sink) -> None:
    sandbox = start_sandbox("--demo", "--demo-customers", "40", "--webhook-base", sink.base_url, speed=200)
    for phone in [f"+13125550{n}" for n in range(101, 180)]:
        send(sandbox, to=phone, body="Your furnace is due. Reply YES to book.")
    deadline = time.monotonic() + 10
    while sandbox.http.get(f"{sandbox.base_url}/healthz").json()["pending"].get("reply", 0) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    waiting = sandbox.http.get(f"{sandbox.base_url}/healthz").json()["pending"]["reply"]
    before = len(sandbox.ledger("inbound"))
    sandbox.kill()
    sandbox.start()
    sandbox.wait_for("inbound", before + waiting // 2, seconds=20)


def test_booking_goes_on_after_a_kill(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox("--demo", "--demo-customers", "20", "--customers", "silent")
    sandbox.set_faults(servicetitan={"dismiss": 0.0})
    known = sandbox.credentials
    form = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    token = sandbox.http.post(
        f"{sandbox.base_url}/connect/token", data={"grant_type": "client_credentials", **form}
    ).json()["access_token"]
    booking = sandbox.http.post(
        f"{sandbox.base_url}/crm/v2/tenant/{known['tenant_id']}/booking-provider/901/bookings",
        headers={"Authorization": f"Bearer {token}", "ST-App-Key": known["app_key"]},
        json={
            "source": "Outreach",
            "name": "A",
            "summary": "x",
            "isFirstTimeClient": True,
            "externalId": "e9",
            "contacts": [{"type": "MobilePhone", "value": "2175550100"}],
        },
    ).json()
    sandbox.kill()
    sandbox.start()
    (done,) = sandbox.wait_for("booking", 1, seconds=15, status="Converted")
    assert (done["booking"], done["external_id"]) == (booking["id"], "e9")
    assert done["job"]


def test_inbound_under_way_is_delivered_after_a_restart(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    release = threading.Event()
    sink.answer = lambda _hook: (release.wait(5), (200, "<Response/>"))[1]

    def speak() -> None:
        with pytest.raises(httpx.TransportError):
            sandbox.say("+12175550155", "are you there?", to=FROM)

    speaker = threading.Thread(target=speak)
    speaker.start()
    sink.wait(lambda: len(sink.inbound()) == 1)
    sandbox.kill()
    speaker.join()
    release.set()
    sandbox.start()
    sink.wait(lambda: len(sink.inbound()) == 2)
    first, second = sink.inbound()
    assert first.fields["MessageSid"] == second.fields["MessageSid"]


def test_faults_and_credentials_survive_a_restart(sandbox: SandboxProcess) -> None:
    known = dict(sandbox.credentials)
    sandbox.set_faults(http_429=1.0)
    sandbox.stop()
    sandbox.start()
    assert sandbox.credentials == known
    assert send(sandbox).json()["code"] == 20429


def test_reset_leaves_nothing_behind(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    sandbox.say("+12175550155", "STOP", to=FROM)
    sandbox.set_faults(segments_per_second=1)
    first = send(sandbox, StatusCallback=sink.callback("old")).json()["sid"]
    sandbox.reset()
    assert sandbox.ledger() == []
    assert sandbox.conversation("+12175550155") == []
    health = sandbox.http.get(f"{sandbox.base_url}/healthz").json()
    assert health["unfinished_messages"] == 0
    second = send(sandbox, to="+12175550155", StatusCallback=sink.callback("new")).json()["sid"]
    assert second != first
    sink.wait(lambda: set(sink.statuses(second)) == {"sent", "delivered"})
    assert sink.statuses(first) == []
