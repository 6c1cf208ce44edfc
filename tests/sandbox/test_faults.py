"""Every fault does what it says, leaves its trace in the ledger, and heals."""

import threading
import time

import httpx
import pytest

from tests.sandbox.messages import FROM, listed, send
from tests.sandbox_process import SandboxProcess, StartSandbox
from tests.webhook_sink import Sink


def test_throttled_requests_accept_nothing(sandbox: SandboxProcess) -> None:
    sandbox.set_faults(http_429=0.5, seed=3)
    codes = [send(sandbox, body=f"n {n}").status_code for n in range(40)]
    assert 8 < codes.count(429) < 32
    assert len(sandbox.ledger("message")) == codes.count(201)
    assert {entry["code"] for entry in sandbox.ledger("refusal")} == {20429}


def test_same_seed_gives_the_same_faults(sandbox: SandboxProcess) -> None:
    def run() -> list[int]:
        sandbox.set_faults(http_429=0.5, seed=11)
        return [send(sandbox, body=f"n {n}").status_code for n in range(25)]

    first = run()
    assert first == run()
    sandbox.set_faults(seed=12)
    assert first != [send(sandbox, body=f"n {n}").status_code for n in range(25)]


def test_concurrency_limit_throttles_only_the_surplus(sandbox: SandboxProcess) -> None:
    sandbox.set_faults(concurrency_limit=3, latency_seconds=0.4)
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(send(sandbox).status_code)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(201) >= 3
    assert codes.count(429) >= 1
    assert len(sandbox.ledger("message")) == codes.count(201)


def test_accepted_then_dropped_message_exists(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(accept_then_drop=1.0)
    with pytest.raises(httpx.TransportError):
        send(sandbox, StatusCallback=sink.callback("ghost"))
    (entry,) = sandbox.ledger("message")
    assert entry["attempt"] == "ghost"
    assert listed(sandbox, To=entry["to"])["messages"][0]["sid"] == entry["sid"]
    sink.wait(lambda: set(sink.statuses(entry["sid"])) == {"sent", "delivered"})  # in whatever order
    sandbox.clear_faults()
    assert send(sandbox).status_code == 201


def test_dropped_before_acceptance_leaves_no_message(sandbox: SandboxProcess) -> None:
    sandbox.set_faults(drop_before_accept=1.0)
    with pytest.raises(httpx.TransportError):
        send(sandbox)
    assert sandbox.ledger("message") == []
    assert len(sandbox.ledger("dropped")) == 1


def test_error_after_acceptance_and_slow_answers(sandbox: SandboxProcess) -> None:
    sandbox.set_faults(error_after_accept=1.0)
    assert send(sandbox).status_code == 503
    assert len(sandbox.ledger("message")) == 1
    sandbox.clear_faults()
    sandbox.set_faults(slow={"rate": 1.0, "seconds": 0.7})
    begun = time.monotonic()
    assert send(sandbox).status_code == 201
    assert time.monotonic() - begun > 0.6
    sandbox.set_faults(http_500=1.0)
    assert send(sandbox).status_code == 500
    assert len(sandbox.ledger("message")) == 2


def test_callbacks_are_dropped_duplicated_and_reversed(sandbox: SandboxProcess, sink: Sink) -> None:
    def statuses(**callbacks: object) -> list[str]:
        sandbox.clear_faults()
        sandbox.set_faults(callbacks=callbacks)
        sid = send(sandbox, StatusCallback=sink.callback("c")).json()["sid"]
        sandbox.settle()
        return sink.statuses(sid)

    assert statuses(drop=1.0) == []
    assert statuses(drop_final=1.0) == ["sent"]
    assert sorted(statuses(duplicate=1.0)) == ["delivered"] * 3 + ["sent"] * 3
    assert statuses(reverse=True) == ["delivered", "sent"]
    assert set(statuses(sending=True)) == {"sending", "sent", "delivered"}
    assert [e["error"] for e in sandbox.ledger("callback") if e["answer"] is None] == ["dropped"] * 3


def test_shuffled_callbacks_lose_their_order(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(callbacks={"shuffle": True, "shuffle_seconds": 1.0})
    sids = [send(sandbox, body=f"{n}", StatusCallback=sink.callback(f"{n}")).json()["sid"] for n in range(40)]
    sink.wait(lambda: len(sink.hooks) == 80)
    orders = [tuple(sink.statuses(sid)) for sid in sids]
    assert orders.count(("sent", "delivered")) > 5
    assert orders.count(("delivered", "sent")) > 5


def test_unknown_fault_is_refused_and_changes_nothing(sandbox: SandboxProcess) -> None:
    answer = sandbox.http.post(f"{sandbox.base_url}/faults", json={"htpp_429": 1.0})
    assert answer.status_code == 400
    assert "htpp_429" in answer.json()["error"]
    answer = sandbox.http.post(f"{sandbox.base_url}/faults", json={"callbacks": {"drop": "yes"}})
    assert answer.status_code == 400
    assert send(sandbox).status_code == 201


def test_fifty_customers_speak_at_once(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    sink.answer = lambda _hook: (time.sleep(1.0), (200, ""))[1]
    spoken: list[dict[str, float]] = []

    def speak(n: int) -> None:
        with httpx.Client(timeout=30, trust_env=False) as http:
            body = {"body": "STOP", "to": FROM}
            spoken.append(http.post(f"{sandbox.base_url}/customers/+121755501{n:02d}/say", json=body).json())

    threads = [threading.Thread(target=speak, args=(n,)) for n in range(50)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun < 15  # one after the other would take fifty seconds
    assert [said["status"] for said in spoken] == [200] * 50
    assert all(1.0 <= said["seconds"] < 10 for said in spoken)
    assert len(sandbox.ledger("optout")) == 50


def test_product_down_is_recorded_and_retried_once(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox("--customers", "silent", "--webhook-base", "http://127.0.0.1:9")
    said = sandbox.say("+12175550101", "hello", to=FROM)
    assert said["status"] is None
    assert "refused" in said["error"].lower()
    assert [e["tries"] for e in sandbox.wait_for("inbound", 2)] == [1, 2]
