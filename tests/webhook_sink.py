"""A product stand-in: a real HTTP server that records every webhook and answers as it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest


@dataclass
class Hook:
    """One received webhook."""

    path: str
    fields: dict[str, str]
    headers: dict[str, str]
    url: str
    at: float


@dataclass
class Sink:
    """Received webhooks in order of arrival; `answer(hook)` decides status and body."""

    base_url: str = ""
    hooks: list[Hook] = field(default_factory=list)
    answer: Callable[[Hook], tuple[int, str]] = lambda _hook: (200, "<Response/>")

    def statuses(self, sid: str) -> list[str]:
        """Status callbacks of one message, in order of arrival."""
        return [
            h.fields["MessageStatus"]
            for h in self.hooks
            if h.fields.get("MessageSid") == sid and "status" in h.path
        ]

    def inbound(self) -> list[Hook]:
        """Inbound texts."""
        return [h for h in self.hooks if h.path.endswith("/inbound")]

    def wait(self, met: Callable[[], bool], seconds: float = 10.0) -> None:
        """Return once `met()`; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while not met():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not met after {seconds} s; hooks: {[h.fields for h in self.hooks][-5:]}"
                )
            time.sleep(0.02)

    def callback(self, attempt: str) -> str:
        """A StatusCallback URL in the product's form."""
        return f"{self.base_url}/webhooks/twilio/messages/status/{attempt}"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A running sink on a free port."""
    made = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.path, _, query = self.path.partition("?")
            self._hook(dict(parse_qsl(query, keep_blank_values=True)), f"?{query}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._hook(dict(parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body))))

        def _hook(self, fields: dict[str, str], query: str = "") -> None:
            url = f"{made.base_url}{self.path}{query}"
            hook = Hook(self.path.split("?")[0], fields, dict(self.headers.items()), url, time.monotonic())
            made.hooks.append(hook)
            status, text = made.answer(hook)
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    made.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join(5)
    server.server_close()
