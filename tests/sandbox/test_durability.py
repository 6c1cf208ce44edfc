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


def test_pending_replies_and_bookings_survive_a_kill(start_sandbox: StartSandbox, sink: Sink) -> None:
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
