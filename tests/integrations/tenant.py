"""A ServiceTitan tenant behind the local server, which answers from a script."""

from typing import Any

from aiohttp import web

from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import ServiceTitanClient

HTML = "<html><body>502 Bad Gateway</body></html>"


def ours_of(body: dict[str, Any]) -> dict[str, Any]:
    """What a booking, or a job, repeats of its request."""
    if "externalId" in body:
        return {"externalId": body["externalId"]}
    return {"customerId": body["customerId"], "externalData": body["externalData"]["externalData"]}


class Tenant:
    """A tenant behind the local server: hands out tokens, answers from a script, else from `rows`."""

    def __init__(self, server: Any) -> None:
        server.handler = self.answer
        self.server = server
        self.tokens = 0
        self.expires_in = 900
        self.script: list[web.Response | str] = []
        self.bookings: list[dict[str, Any]] = []
        self.bodies: dict[str, Any] = {}
        self.pauses: list[float] = []
        self.clients: list[ServiceTitanClient] = []

    def client(self, **changes: Any) -> ServiceTitanClient:
        fields: dict[str, Any] = {
            "client_id": "cid",
            "client_secret": "secret",
            "app_key": "app",
            "tenant_id": "42",
            "base_url": self.server.url,
            "auth_base_url": self.server.url,
            "booking_provider_id": 9,
        }
        made = ServiceTitanClient(ServiceTitanAccess(**fields | changes), pause=self.pauses.append)
        self.clients.append(made)
        return made

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/connect/token":
            self.tokens += 1
            return web.json_response(
                {"access_token": f"t{self.tokens}", "expires_in": self.expires_in, "token_type": "Bearer"}
            )
        step = self.script.pop(0) if self.script else None
        if request.method == "POST" and step in (None, "drop after", "502 after"):
            body = await request.json()
            made = {"id": 100 + len(self.bookings), "status": "New", **ours_of(body)}
            self.bookings.append(made)
            if step is None:
                return web.json_response(made)
        if step in ("drop", "drop after"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if step == "502 after":
            return web.Response(status=502, text=HTML)
        if isinstance(step, web.Response):
            return step
        if request.path.endswith("/bookings"):
            wanted = request.query.get("externalId")
            return self.page([row for row in self.bookings if row["externalId"] == wanted])
        if "externalDataKey" in request.query:  # one that does not filter: every job comes back
            return self.page(self.bookings)
        key = request.path.split("/tenant/42/")[1]
        return web.json_response(self.bodies[key](request.query) if key in self.bodies else {}, status=200)

    @staticmethod
    def page(rows: list[dict[str, Any]], more: bool = False) -> web.Response:
        return web.json_response({"page": 1, "pageSize": 50, "hasMore": more, "data": rows})

    def called(self) -> list[str]:
        return [path for path in self.server.paths() if "/connect/" not in path]


def problem(status: int, title: str = "no", **headers: str) -> web.Response:
    return web.json_response({"title": title, "status": status}, status=status, headers=headers)
