"""The web server of tests, which knows when it has nothing left to do: nobody needs to wait and see."""

import select
import socket
import threading
from typing import Any

from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import QuietWSGIRequestHandler


def _unread(*sockets: socket.socket, wait: bool = False) -> bool:
    """Whether one of them has something to read, or its end: now, or whenever that is."""
    poll = select.poll()  # of as many files as there are: `select` knows the first thousand
    for one in sockets:
        poll.register(one, select.POLLIN)
    return bool(poll.poll(None if wait else 0))


class WebServer(ThreadedWSGIServer):
    """Django's live server, asked by `at_rest` whether it has answered whatever was sent to it."""

    request_queue_size = 128

    def __init__(self, address: Any, _handler: Any, **options: Any) -> None:
        self._known = threading.Lock()
        self._busy: set[socket.socket] = set()
        self._waiting: set[socket.socket] = set()
        super().__init__(address, _Handler, **options)

    def at_rest(self) -> bool:
        """Whether nobody is being answered, has a request that is still unread, or waits to be let in."""
        with self._known:
            return not self._busy and not _unread(self.socket, *self._waiting)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Let somebody in, busy until the first request is waited for."""
        with self._known:
            request, address = super().get_request()
            self._busy.add(request)
        return request, address

    def close_request(self, request: Any) -> None:
        """The end of a connection, whatever was said."""
        super().close_request(request)
        with self._known:
            self._busy.discard(request)

    def wait_for_request(self, request: socket.socket) -> None:
        """Wait, at rest, until a request begins or the connection ends."""
        with self._known:
            self._busy.discard(request)
            self._waiting.add(request)
        _unread(request, wait=True)
        with self._known:
            self._waiting.discard(request)
            self._busy.add(request)


class _Handler(QuietWSGIRequestHandler):
    server: WebServer

    def handle_one_request(self) -> None:
        self.server.wait_for_request(self.connection)
        super().handle_one_request()
