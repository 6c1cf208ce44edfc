"""Queues, workers and rings as the product configures them, with private servers."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from django.conf import settings

from config import embedded
from config.processes import spawn, stop
from config.running import WORKER_FLAGS
from tests.product import ROOT, wait_for

PROBE = "tests.running.probe"
RINGER = f"""
import sys
from {PROBE} import app
for line in sys.stdin:
    app.tasks[line.strip()].delay()
    print(line, end="", flush=True)
"""


class Bench:
    """Private servers, and a worker of the engine's queue."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.running: dict[str, tuple[subprocess.Popen[bytes], object]] = {}
        self.ringer: subprocess.Popen[str] | None = None
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRUCKROLL_")},
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "TRUCKROLL_DATA": str(data),
        }

    def serve(self, name: str) -> None:
        prepare, wait = {
            "postgres": (embedded.prepare_postgres, embedded.wait_for_postgres),
            "redis": (embedded.prepare_redis, embedded.wait_for_redis),
        }[name]
        program = prepare(self.data, durable=False)
        process = spawn(program, stdout=subprocess.DEVNULL)
        self.running[name] = (process, program)
        wait(self.data, process, seconds=30)

    def kill(self, name: str) -> None:
        self.dismiss_ringer()  # whose connections are no part of a test
        process, _ = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def worker(self) -> "subprocess.Popen[bytes]":
        """The only one: what a test that failed has left is ended first."""
        if "worker" in self.running:
            left, _ = self.running.pop("worker")
            left.kill()
            left.wait()
        argv = [sys.executable, "-m", "celery", "-q", "-A", PROBE, "worker", "-Q", "engine", *WORKER_FLAGS]
        process = subprocess.Popen(
            argv, cwd=ROOT, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.running["worker"] = (process, None)
        return process

    def ring(self, task: str) -> None:
        """Have the task rung by a process that stays: importing the product takes longest of a ring."""
        if self.ringer is None:
            self.ringer = subprocess.Popen(
                [sys.executable, "-c", RINGER], cwd=ROOT, env=self.env, text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self.ringer.stdin is not None and self.ringer.stdout is not None
        self.ringer.stdin.write(f"{task}\n")
        assert self.ringer.stdout.readline() == f"{task}\n", "not rung"

    def dismiss_ringer(self) -> None:
        if self.ringer is not None:
            self.ringer.communicate()
            self.ringer = None

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(embedded.redis_url(self.data), decode_responses=True)

    def notes(self) -> list[str]:
        with self.redis() as client:
            return client.lrange("notes", 0, -1)

    def close(self) -> None:
        self.dismiss_ringer()
        for process, program in reversed(list(self.running.values())):
            if program is not None:
                stop(process, program, seconds=10)
            else:
                process.kill()
                process.wait()
        embedded.remove(self.data)


@pytest.fixture(scope="module")
def bench():
    bench = Bench(Path(settings.DATA_DIR) / f"celery-{os.getpid()}")
    try:
        bench.serve("postgres")
        bench.serve("redis")
        yield bench
    finally:
        bench.close()


DECLARE = f"""
from {PROBE} import app
with app.connection_for_write() as link:
    for queue in app.amqp.queues.values():
        queue(link.default_channel).declare()
"""


def test_ring_reaches_its_own_queue_alone(bench):
    # As with every worker up: each queue is bound to its exchange.
    subprocess.run([sys.executable, "-c", DECLARE], cwd=ROOT, env=bench.env, check=True)
    bench.ring("probe.query")
    with bench.redis() as client:
        waiting = {queue: client.llen(queue) for queue in ("sending", "events", "engine", "bulk")}
        client.delete("engine")
    assert waiting == {"sending": 0, "events": 0, "engine": 1, "bulk": 0}


def test_worker_loop_ends_soon_after_sigterm(bench):
    worker = bench.worker()
    bench.ring("probe.loop")
    wait_for(lambda: "began" in bench.notes(), seconds=90, what="the loop")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert bench.notes()[-1] == "told to stop"


def test_worker_reuses_its_connection_and_survives_a_killed_postgres(bench):
    worker = bench.worker()
    with bench.redis() as client:
        client.delete("notes")
    for _ in range(2):
        bench.ring("probe.query")
    wait_for(lambda: len(bench.notes()) == 2, seconds=90, what="two answers")
    first, second = bench.notes()
    assert first == second
    bench.kill("postgres")
    bench.serve("postgres")
    for _ in range(3):
        bench.ring("probe.query")
    wait_for(lambda: len(bench.notes()) == 5, seconds=90, what="answers after the restart")
    assert bench.notes()[2] != first
    assert len(set(bench.notes()[2:])) == 1
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0


def test_worker_comes_back_after_redis_was_away_for_a_while(bench):
    worker = bench.worker()
    with bench.redis() as client:
        client.delete("notes")
    bench.ring("probe.query")
    wait_for(lambda: bench.notes(), seconds=90, what="an answer")
    bench.kill("redis")
    time.sleep(6)  # several of the worker's tries
    assert worker.poll() is None
    bench.serve("redis")
    assert bench.notes() == []
    bench.ring("probe.query")
    wait_for(lambda: bench.notes(), seconds=90, what="an answer after the outage")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0


RING = f"""
import time
from {PROBE} import query
from common.doorbell import ring
began = time.monotonic()
ring(query)
print(time.monotonic() - began)
"""


@pytest.mark.parametrize("broker", ["mute", "gone"])
def test_ring_to_a_broker_that_does_not_answer_neither_hangs_nor_raises(bench, broker):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if broker == "mute":
            listener.listen()  # connects, and never says a word
        port = listener.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", RING],
            cwd=ROOT,
            env={**bench.env, "REDIS_URL": f"redis://127.0.0.1:{port}/0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < {"gone": 15, "mute": 30}[broker]  # where it hung, for ever
    assert "ring lost" in done.stderr
