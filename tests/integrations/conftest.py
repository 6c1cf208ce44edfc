"""A small HTTP server in a thread of its own, so that real clients speak to real sockets."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests.integrations.tenant import Tenant

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class LocalServer:
    """Answers with `handler`; keeps every request."""

    url: str = ""
    handler: Handler | None = None
    requests: list[Recorded] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def paths(self) -> list[str]:
        """Method and path of every request so far."""
        return [f"{r.method} {r.path}" for r in self.requests]

    async def dispatch(self, request: web.Request) -> web.StreamResponse:
        """Record, then answer."""
        self.requests.append(
            Recorded(
                request.method,
                request.path,
                dict(request.query),
                dict(request.headers),
                (await request.read()).decode(),
            )
        )
        assert self.handler is not None
        return await self.handler(request)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server on a free port of the loopback, stopped with the test."""
    local = LocalServer()
    ready = threading.Event()
    runner: list[web.AppRunner] = []

    async def start() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", local.dispatch)
        made = web.AppRunner(app, shutdown_timeout=0.1)
        await made.setup()
        site = web.TCPSite(made, "127.0.0.1", 0)
        await site.start()
        sockets: Any = site._server
        local.url = f"http://127.0.0.1:{sockets.sockets[0].getsockname()[1]}"
        runner.append(made)
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(local.loop)
        local.loop.run_until_complete(start())
        local.loop.run_forever()
        local.loop.run_until_complete(runner[0].cleanup())
        local.loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(5)
    yield local
    local.loop.call_soon_threadsafe(local.loop.stop)
    thread.join(5)


@pytest.fixture
def tenant(server: Any, db: None) -> Iterator[Tenant]:
    made = Tenant(server)
    yield made
    for client in made.clients:
        client.close()
