"""Simulated people and previews that open the links of texts: switched, seeded, on record."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.followers import links_in
from tests.product import wait_for
from tests.sandbox.messages import send
from tests.sandbox_process import SandboxProcess, StartSandbox

PHONES = [f"+1312555{n:04}" for n in range(100, 160)]


@pytest.fixture
def page() -> Iterator[str]:
    """A product that leads everybody on."""

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "https://comfort.example/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/l/"
    server.shutdown()
    server.server_close()


def test_links_of_a_text_are_those_with_whole_codes() -> None:
    body = (
        "See http://127.0.0.1:1/l/abcdEFGH, https://go.example/l/12345678. Not https://x.example/l/1234567 "
    )
    assert links_in(f"{body} {body}") == ["http://127.0.0.1:1/l/abcdEFGH", "https://go.example/l/12345678"]
    assert links_in("https://x.example/l/123456789") == []


def test_nobody_follows_until_they_are_let(sandbox: SandboxProcess, page: str) -> None:
    send(sandbox, to=PHONES[0], body=f"See {page}abcdEFGH")
    found = sandbox.http.post(f"{sandbox.base_url}/customers/{PHONES[0]}/follow", json={"by": "preview"})
    assert found.json() == {"url": f"{page}abcdEFGH", "status": 302}
    [click] = sandbox.ledger("click")
    assert (click["by"], click["answer"], click["to"]) == ("preview", 302, PHONES[0])
    wrong = f"{sandbox.base_url}/customers/{PHONES[1]}/follow"
    assert sandbox.http.post(wrong, json={}).status_code == 404


def test_who_follows_is_the_same_in_every_run(start_sandbox: StartSandbox, page: str) -> None:
    sandbox = start_sandbox(speed=20_000)
    runs = []
    for run in range(2):
        sandbox.reset()
        sandbox.http.post(f"{sandbox.base_url}/followers", json={"on": True}).raise_for_status()
        for n, phone in enumerate(PHONES):
            assert send(sandbox, to=phone, body=f"See {page}{run}{n:07}").status_code == 201
        sandbox.wait_for("message", len(PHONES))
        wait_for(lambda: nothing_waits(sandbox), seconds=60, what="everybody to have followed")
        runs.append(sorted((click["to"], click["by"], click["answer"]) for click in sandbox.ledger("click")))
    assert runs[0] == runs[1]
    by = Counter(who for _, who, _ in runs[0])
    assert by["person"] > 3 and by["preview"] > by["person"] and {answer for *_, answer in runs[0]} == {302}


def nothing_waits(sandbox: SandboxProcess) -> bool:
    """Whether every text has arrived and nobody means to follow a link any more."""
    health = sandbox.http.get(f"{sandbox.base_url}/healthz").json()
    waiting = health["unfinished_messages"] + health["pending"].get("follow", 0) + health["following"]
    return waiting == 0 and bool(sandbox.ledger("click"))
