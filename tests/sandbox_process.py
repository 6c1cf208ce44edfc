"""The provider sandbox as a pytest fixture: a real process on a free port, with its own data folder.

Import the fixtures in a folder's conftest (`from tests.sandbox_process import sandbox, start_sandbox`):
`sandbox` is one process for the whole run, reset for each test; `start_sandbox` makes own ones.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 20.0


class SandboxProcess:
    """A running sandbox and the calls a test makes to it."""

    def __init__(
        self, data: Path, *, port: int = 0, options: tuple[str, ...] = (), speed: float = 60.0
    ) -> None:
        self.data = data
        self.options = options
        self.speed = speed
        self.port = port
        self.credentials_file = data / "credentials.json"
        self.clock_file = data / "clock.json"
        self.http = httpx.Client(timeout=60, trust_env=False)
        self.start()

    def start(self) -> None:
        """Start the process (again) on its data folder and wait for its address."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._log = (self.data / "sandbox.log").open("ab")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "sandbox", "--port", str(self.port), "--data", str(self.data)),
                *("--speed", str(self.speed), "--credentials", str(self.credentials_file)),
                *("--clock-file", str(self.clock_file)),
                *self.options,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://[^\s]+:(\d+)", line)
        if found is None:
            self.kill()
            raise RuntimeError(
                f"the sandbox did not start: {(self.data / 'sandbox.log').read_text()[-2000:]}"
            )
        self.base_url, self.port = found.group(), int(found.group(1))
        self.credentials: dict[str, str] = json.loads(self.credentials_file.read_text())

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after five seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._wait()

    def _wait(self) -> None:
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()

    def close(self) -> None:
        """Stop the process and close the client."""
        self.stop()
        self.http.close()

    # --- calls -----------------------------------------------------------------------------------

    def ledger(self, kind: str = "", after: int = 0, to: str = "") -> list[dict[str, Any]]:
        """All ledger entries of a kind (or all kinds) with an id above `after`."""
        entries: list[dict[str, Any]] = []
        while True:
            page = self._get("/ledger.json", kind=kind, after=after, to=to)
            entries += page["entries"]
            if len(page["entries"]) == 0:
                return entries
            after = page["last"]

    def set_faults(self, **faults: Any) -> dict[str, Any]:
        """Merge faults, e.g. `set_faults(http_429=0.2, callbacks={"duplicate": 1.0}, seed=7)`."""
        return self._post("/faults", faults)

    def clear_faults(self) -> None:
        """A provider that behaves again."""
        self.http.delete(f"{self.base_url}/faults").raise_for_status()

    def reset(self) -> None:
        """Forget everything but the ServiceTitan tenant."""
        self._post("/reset", {})

    def say(
        self, phone: str, body: str, to: str = "", intent: str = "", media: Sequence[str] = ()
    ) -> dict[str, Any]:
        """A customer texts now, with these kinds of files; returns the answer's status, seconds, sent_at,
        answered_at; the sid."""
        said = {"body": body, "to": to, "intent": intent, "media": list(media)}
        return self._post(f"/customers/{phone}/say", said)

    def set_customers(self, mode: str) -> None:
        """`silent` or `demo`."""
        self._post("/customers", {"mode": mode})

    def set_webhook_base(self, url: str) -> None:
        """Where inbound texts go: `{url}/webhooks/twilio/messages/inbound`."""
        self._post("/settings", {"webhook_base": url})

    def set_number_rate(self, number: str, segments_per_second: float) -> None:
        """Nominal segments per second of a number (multiplied by the speed)."""
        self._post("/settings", {"numbers": {number: {"segments_per_second": segments_per_second}}})

    def put_servicetitan(self, entity: str, **row: Any) -> dict[str, Any]:
        """Change (by id, merged) or add a ServiceTitan row as the office would."""
        return self._post(f"/servicetitan/{entity}", row)

    def steer(self, phone: str, **conduct: Any) -> None:
        """How a phone behaves when it is called, from now on; `next=[…]` for the coming calls."""
        self._post(f"/phones/{phone}", conduct)

    def on_the_phone(self, phone: str, deed: str, **more: Any) -> httpx.Response:
        """Its owner does something now: call, answer, decline, press, hangup or take."""
        return self.http.post(f"{self.base_url}/phones/{phone}/{deed}", json=more)

    def calls(self, phone: str = "") -> list[dict[str, Any]]:
        """Every leg, newest first, with what was heard, pressed and bridged on it."""
        calls: list[dict[str, Any]] = self._get("/calls.json", phone=phone)["calls"]
        return calls

    def set_clock_offset(self, seconds: float) -> None:
        """Move the wall clock (shared with a product that reads the same file); seen within half a second."""
        draft = self.clock_file.with_suffix(".tmp")
        draft.write_text(json.dumps({"offset_seconds": seconds}))
        draft.replace(self.clock_file)

    def conversation(self, phone: str) -> list[dict[str, Any]]:
        """Everything said to and by a phone, oldest first."""
        messages: list[dict[str, Any]] = self._get(f"/customers/{phone}.json")["messages"]
        return messages

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """The mails of one reader as they read them, newest first: subject, text, html, recipient …"""
        mails: list[dict[str, Any]] = self._get(f"/mailboxes/{address}.json")
        return mails

    def wait_for(self, kind: str, count: int, seconds: float = 30.0, **equal: Any) -> list[dict[str, Any]]:
        """Ledger entries of a kind whose fields equal `equal`, once `count` are there; else fails."""
        deadline = time.monotonic() + seconds
        while True:
            found = [e for e in self.ledger(kind) if all(e.get(k) == v for k, v in equal.items())]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{len(found)} of {count} {kind} entries after {seconds} s: {found[-5:]}"
                )
            time.sleep(0.05)

    def settle(self, seconds: float = 30.0) -> None:
        """Return once every message and call is over and all news of them was told; else fails."""
        deadline = time.monotonic() + seconds
        while any(left := self._left()):
            assert time.monotonic() < deadline, f"not settled after {seconds} s: {left}"
            time.sleep(0.02)

    def _left(self) -> tuple[int, ...]:
        now = self._get("/healthz")
        return tuple(now[what] for what in ("unfinished_messages", "live_calls", "undone", "following"))

    def _get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(f"{self.base_url}{path}", params=query)
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.http.post(f"{self.base_url}{path}", json=body)
        if answer.status_code >= 400:
            raise AssertionError(f"POST {path}: {answer.status_code} {answer.text}")
        return answer.json()


StartSandbox = Callable[..., SandboxProcess]


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[StartSandbox]:
    """A factory: `start_sandbox("--demo", speed=600)`; every process it made is stopped after the test."""
    made: list[SandboxProcess] = []

    def start(*options: str, speed: float = 60.0) -> SandboxProcess:
        made.append(SandboxProcess(tmp_path / f"sandbox{len(made)}", options=options, speed=speed))
        return made[-1]

    yield start
    for process in made:
        process.close()


_shared: list[SandboxProcess] = []


@pytest.fixture
def sandbox(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxProcess]:
    """A sandbox with silent customers, no faults and an empty ledger, 60 times as fast as life.

    One process serves the whole run and is reset before and after each test.
    """
    if not _shared:
        made = SandboxProcess(tmp_path_factory.mktemp("sandbox"), options=("--customers", "silent"))
        _shared.append(made)
        request.config.add_cleanup(made.close)
    process = _shared[0]
    if process.process.poll() is not None:
        process.start()
    process.set_clock_offset(0)
    process.reset()
    yield process
    if process.process.poll() is None:
        process.reset()
