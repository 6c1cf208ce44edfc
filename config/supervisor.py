"""`make run`: the whole product on one machine, under one process that leaves nothing behind.

Order: servers and sandbox, then the preparation, then web, workers and beat. SIGINT, SIGTERM and SIGHUP
stop everything in reverse; a child that dies is started again. Should this process itself be killed,
the kernel ends the children (elsewhere than on Linux the next start does).
"""

import fcntl
import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import IO

from config import demo_clock, embedded, prepare, providers, running
from config.children import Child, Children, Ended, Told, end_leftovers, fall_silent
from config.running import Options, Refusal

READY_SECONDS = 120


class Stop(Exception):
    """Somebody asked the supervisor to end."""


def main() -> int:
    """Run until told to stop; 0 after a stop that was asked for, 1 with one sentence after a refusal."""
    try:
        options = running.read_options(os.environ)
        running.open_data_folder(options)
        with _only_instance(options):
            return Supervisor(options).run()
    except (Refusal, embedded.EmbeddedError) as refusal:
        print(refusal, file=sys.stderr, flush=True)
        return 1


class Supervisor:
    """One run of the product."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.pids_file = options.data / "pids.json"
        self.children = Children(self.pids_file)
        self.clock_shows: datetime | None = None
        self.sandbox_url: str | None = None

    def run(self) -> int:
        """Start everything, say so, and keep it running; returns the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.children.events.put(Told("signal")))
        end_leftovers(self.pids_file, running.LEFTOVER_MARKS)
        if not running.port_is_free(self.options.port):
            raise Refusal(f"Port {self.options.port} is taken; choose another with PORT.")
        try:
            self._start()
            self._attend(lambda news: False)
        except Stop:
            return 0
        finally:
            self.children.stop_all()
        return 0

    def _start(self) -> None:
        options = self.options
        demo = options.demo and not providers.reaches_people(options.environ)
        try:
            self.clock_shows = demo_clock.start_clock(options.data, wanted=options.clock_start, demo=demo)
        except ValueError as error:
            raise Refusal(
                f"TRUCKROLL_NOW must be a date and time like 2026-11-24T10:00 ({error})."
            ) from error
        waits: dict[str, Callable[[], None]] = {}
        for child in running.servers(options):
            waits[child.name] = self._answer_of(child)
        env = running.child_env(options, None)
        if providers.missing(options.environ):
            port = running.sandbox_port(options)
            self.sandbox_url = f"http://{running.HOST}:{port}"
            env = running.child_env(options, self.sandbox_url)
            self.children.start(running.sandbox(options, env, port))
            waits["sandbox"] = lambda: _wait_for_http(port, "/", any_status=True, seconds=READY_SECONDS)
        self._wait_for(waits)
        self._prepare(running.preparation(env))
        web, *workers = running.product(options, env)
        self.children.start(web)
        port = options.port
        answer = {"web": lambda: _wait_for_http(port, "/readyz", any_status=False, seconds=READY_SECONDS)}
        self._wait_for(answer)  # before the workers, which would compete with it for the processor
        for child in workers:
            self.children.start(child)
        self._announce()

    def _answer_of(self, child: Child) -> Callable[[], None]:
        process = self.children.start(child)
        wait = embedded.wait_for_postgres if child.name == "postgres" else embedded.wait_for_redis
        return lambda: wait(self.options.data, process)

    def _wait_for(self, waits: dict[str, Callable[[], None]]) -> None:
        """Return when every wait is over; the waiting is done by threads, so that signals are heard."""
        for name, wait in waits.items():
            threading.Thread(target=self._tell, args=(name, wait), daemon=True).start()
        missing = set(waits)

        def all_up(news: Ended | Told) -> bool:
            if isinstance(news, Told) and news.what == "up":
                missing.discard(news.detail)
            return not missing

        if missing:
            self._attend(all_up)

    def _tell(self, name: str, wait: Callable[[], None]) -> None:
        try:
            wait()
        except Exception as error:
            self.children.events.put(Told("failed", str(error)))
        else:
            self.children.events.put(Told("up", name))

    def _prepare(self, child: Child) -> None:
        refusal = self.options.data / prepare.REFUSAL_FILE
        for left in (refusal, self.options.data / prepare.ANNOUNCEMENT_FILE):  # by an earlier start
            left.unlink(missing_ok=True)
        self.children.start(child)
        ended: list[Ended] = []

        def done(news: Ended | Told) -> bool:
            if isinstance(news, Ended) and news.child is child:
                ended.append(news)
            return bool(ended)

        self._attend(done)
        if ended[0].code == prepare.REFUSED and refusal.is_file():
            raise Refusal(refusal.read_text())
        if ended[0].code != 0:
            raise Refusal("The data could not be prepared; the lines of `prepare` above say why.")

    def _attend(self, enough: Callable[[Ended | Told], bool]) -> None:
        """Handle news until `enough` says so; raises Stop when told to end, Refusal when a wait failed."""
        while True:
            news = self.children.next_event()
            if news is None:
                continue
            if isinstance(news, Ended):
                self.children.handle_end(news)
            elif news.what == "signal":
                raise Stop
            elif news.what == "failed":
                raise Refusal(news.detail)
            if enough(news):
                return

    def _announce(self) -> None:
        address = self.options.environ.get("PUBLIC_URL") or self.options.web_url
        lines = ["", f"Truckroll is at {address}/ (Ctrl-C stops it)"]
        if self.clock_shows:
            local = self.clock_shows.astimezone(demo_clock.COMPANY_ZONE)
            lines.append(f"  Its clock started at {local:%A %-d %B %Y, %H:%M} company time.")
        announcement = self.options.data / prepare.ANNOUNCEMENT_FILE
        if announcement.is_file():
            lines += [f"  {line}" for line in announcement.read_text().splitlines()]
        if self.sandbox_url:
            lines.append(f"  The simulated providers and customers are at {self.sandbox_url}/")
        print("\n".join(lines), flush=True)
        print("ready", flush=True)


def _wait_for_http(port: int, path: str, *, any_status: bool, seconds: float) -> None:
    """Return once the address answers (200, or anything at all); raises Refusal after `seconds`."""
    deadline = time.monotonic() + seconds
    last = "no answer"
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(running.HOST, port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            if any_status or answer.status == http.HTTPStatus.OK:
                return
            last = f"status {answer.status} {answer.read(200).decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            last = str(error)
        finally:
            connection.close()
        time.sleep(0.05)
    raise Refusal(f"http://{running.HOST}:{port}{path} did not come up within {seconds:.0f} s ({last}).")


def _only_instance(options: Options) -> IO[str]:
    lock = (options.data / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Refusal(
            f"Truckroll is already running on {options.data}; stop it, or set TRUCKROLL_DATA to another."
        ) from error
    return lock


if __name__ == "__main__":
    code = main()
    fall_silent()
    sys.exit(code)
