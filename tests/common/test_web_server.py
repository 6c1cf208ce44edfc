"""The web server of tests says when it has nothing left to do."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.product import wait_for
from tests.web_server import WebServer

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, _environ: Any, start_response: Any) -> list[bytes]:
        self.asked.set()
        assert self.may_answer.wait(20)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def server(db: None) -> Iterator[WebServer]:
    """On a port, with nobody connected."""
    made = WebServer(("127.0.0.1", 0), None)
    made.set_app(Slow())
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_it_is_at_rest_once_everything_is_answered(server: WebServer) -> None:
    slow: Any = server.get_app()
    assert server.at_rest()
    with socket.create_connection(server.server_address[:2]) as line:
        wait_for(server.at_rest, what="a connection on which nothing is asked")
        for _ in range(2):  # on a connection that stays
            line.sendall(REQUEST)
            assert not server.at_rest()
            assert slow.asked.wait(20)
            assert not server.at_rest()
            slow.may_answer.set()
            while b"ok" not in line.recv(1000):
                pass
            wait_for(server.at_rest, what="rest after the answer")
            slow.asked.clear()
            slow.may_answer.clear()
    wait_for(server.at_rest, what="rest after the end of the connection")


def test_who_waits_to_be_let_in_is_something_to_do() -> None:
    server = WebServer(("127.0.0.1", 0), None)  # and nobody serves
    with socket.create_connection(server.server_address[:2]):
        assert not server.at_rest()
    server.server_close()
