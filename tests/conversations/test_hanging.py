"""A provider that takes calls and never answers: it holds up neither other providers nor the next task."""

import socket
import threading
from collections.abc import Iterator

import pytest

from campaigns import engine
from common import clock, loops
from conversations import sender, sending_on, slots, text_sender
from conversations.models import Message
from tests import factories
from tests.conversations.conftest import Company, phone
from tests.product import wait_for

CONCURRENCY = 4


class BlackHole:
    """Accepts connections and says nothing until it is closed."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        """Whoever waits is cut off; closing twice is fine."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for each in self.taken:
            each.close()


@pytest.fixture
def hole() -> Iterator[BlackHole]:
    made = BlackHole()
    yield made
    made.close()


@pytest.fixture
def hanging(company: Company, hole: BlackHole) -> Company:
    """Another account, whose provider does not answer, with many texts due."""
    account = factories.make_account()
    number = factories.make_number(account, e164="+17735550177", base_url=hole.url)
    other = Company(account, number, company.sandbox)
    other.launch(40)
    engine.run_round(now=clock.now())
    return other


def test_calls_that_hang_keep_no_other_account_waiting(
    company: Company, hanging: Company, hole: BlackHole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "HANGS_AFTER_SECONDS", 0.2)
    monkeypatch.setattr(text_sender, "CLAIM_VALID_SECONDS", 30.0)
    thread = threading.Thread(target=sender.run, args=(600,), kwargs={"concurrency": CONCURRENCY})
    thread.start()
    try:
        wait_for(lambda: len(hole.taken) >= CONCURRENCY, what="every slot taken by a call that hangs")
        company.launch(6)
        engine.run_round(now=clock.now())
        wait_for(lambda: len(company.sandbox.ledger("message")) == 6, what="the other account's texts")
        assert Message.objects.filter(account=hanging.account, state="calling").count() >= CONCURRENCY
        # Nor does it get all that it wants: what hangs takes its toll.
        assert Message.objects.filter(account=hanging.account, state="queued").exists()
    finally:
        monkeypatch.setattr(loops, "_stopping", True)
        hole.close()
        thread.join(60)
    assert not thread.is_alive()
    assert set(Message.objects.filter(account=hanging.account).values_list("state", flat=True)) == {
        "queued", "unknown",
    }  # fmt: skip


def test_a_task_ends_while_calls_hang_and_the_next_goes_on(
    company: Company, hanging: Company, hole: BlackHole, settings
) -> None:
    settings.SENDER_CONCURRENCY = CONCURRENCY
    try:
        while len(hole.taken) < CONCURRENCY:
            sending_on.send_on(0.2)
        kept = sending_on._kept
        company.launch(3)
        engine.run_round(now=clock.now())
        while len(company.sandbox.ledger("message")) < 3:
            sending_on.send_on(0.2)
        assert sending_on._kept is kept
        assert Message.objects.filter(account=hanging.account, state="calling").exists()
        assert sorted(entry["to"] for entry in company.sandbox.ledger("message")) == sorted(
            map(phone, range(3))
        )
    finally:
        hole.close()
        sending_on.finish()
    assert not Message.objects.filter(state="calling").exists()
    assert Message.objects.filter(account=hanging.account, state="unknown").exists()


def test_the_end_of_a_process_waits_for_its_calls(
    company: Company, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SENDER_CONCURRENCY = CONCURRENCY
    company.sandbox.set_faults(slow={"rate": 1.0, "seconds": 1.5, "before_accept": True}, seed=1)
    company.launch(CONCURRENCY)
    engine.run_round(now=clock.now())
    try:
        while not Message.objects.filter(state="calling").exists():
            sending_on.send_on(0.1)
        monkeypatch.setattr(loops, "_stopping", True)
        sending_on.send_on(20)
        assert sending_on._kept is None
        assert not Message.objects.filter(state="calling").exists()
        assert Message.objects.exclude(state="queued").count() == len(company.sandbox.ledger("message"))
    finally:
        sending_on.finish()
