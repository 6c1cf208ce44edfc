"""A whole private product, for tests and faults: `make run`'s supervisor with data and ports of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from config import embedded

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], object], *, seconds: float = 15, what: str = "condition") -> None:
    """Poll until the condition is true; AssertionError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


class Product:
    """One supervised product. `env` adds to the environment; `lines` is everything it printed."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self.env = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("TRUCKROLL_", "PYTEST"))
            },
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "TRUCKROLL_DATA": str(data),
            "PORT": str(self.port),
            **env,
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, seconds: float = 120) -> "Product":
        """Start it and wait for `ready`; AssertionError with its output if it ends or takes too long."""
        self.lines.clear()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor"],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        deadline = time.monotonic() + seconds
        while "ready" not in self.lines:
            assert self.process.poll() is None, "ended early:\n" + "\n".join(self.lines)
            assert time.monotonic() < deadline, "not ready:\n" + "\n".join(self.lines)
            time.sleep(0.05)
        return self

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as pipe:
            for line in pipe:
                self.lines.append(line.rstrip("\n"))

    def pids(self) -> dict[str, int]:
        """Present pids of postgres, redis, sandbox, web, sending, events, engine, bulk and beat."""
        try:
            pids: dict[str, int] = json.loads((self.data / "pids.json").read_text())
        except FileNotFoundError:
            return {}
        return pids

    def kill(self, name: str, *, restart_within: float = 15) -> None:
        """kill -9 one child, as soon as it runs, and wait until the supervisor has started it again."""
        wait_for(lambda: name in self.pids(), seconds=restart_within, what=f"{name} to be killed")
        old = self.pids()[name]
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: self.pids().get(name, old) != old, seconds=restart_within, what=f"restart of {name}")

    def signal(self, name: str, number: signal.Signals) -> None:
        """Signal one child's whole group, as a stop of its machine would."""
        os.killpg(self.pids()[name], number)

    def status(self, path: str) -> int:
        """The HTTP status of a GET, 0 when nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run manage.py against this product."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self, *, seconds: float = 40) -> int:
        """SIGTERM and wait; returns the exit code. Stopping twice is fine."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def remove(self) -> None:
        """Stop it and delete its data."""
        try:
            self.stop()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
            embedded.remove(self.data)
