"""The sandbox's own switches over HTTP, for tests and for people: faults, customers, settings, ledger."""

import json
from typing import Any

from aiohttp import web

from sandbox.faults import UnknownFault
from sandbox.ledger import PAGE_LIMIT
from sandbox.servicetitan_writes import body_of
from sandbox.world import World


class Control:
    """JSON endpoints that no provider has."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def health(self, _request: web.Request) -> web.Response:
        """GET /healthz: alive, with what waits."""
        world = self.world
        return web.json_response(
            {
                "ok": True,
                "speed": world.speed,
                "customers": world.customers.mode,
                "webhook_base": world.webhook_base,
                "messaging_service_sid": world.customers.service_sid,
                "pending": world.schedule.pending(),
                "unfinished_messages": len(world.traffic.live),
                "wall": world.clock.now().isoformat(),
            }
        )

    async def faults(self, request: web.Request) -> web.Response:
        """GET, POST (merge) or DELETE (heal) /faults."""
        if request.method == "DELETE":
            state = self.world.faults.clear()
        elif request.method == "POST":
            try:
                state = self.world.faults.change(await body_of(request))
            except UnknownFault as wrong:
                return web.json_response({"error": str(wrong)}, status=400)
        else:
            state = self.world.faults.now
        await self.world.store.committed()
        return web.json_response(state)

    async def ledger(self, request: web.Request) -> web.Response:
        """GET /ledger.json?kind=&after=&limit=&to=: entries oldest first; go on from `last`."""
        query = request.query
        try:
            after, limit = int(query.get("after", 0)), int(query.get("limit", PAGE_LIMIT))
        except ValueError:
            return web.json_response({"error": "after and limit are numbers"}, status=400)
        entries = self.world.ledger.page(query.get("kind", ""), after, limit, query.get("to", ""))
        return web.json_response({"entries": entries, "last": entries[-1]["id"] if entries else after})

    async def customers(self, request: web.Request) -> web.Response:
        """POST /customers {"mode": "silent"|"demo"}."""
        try:
            self.world.customers.set_mode(str((await body_of(request)).get("mode")))
        except ValueError as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        await self.world.store.committed()
        return web.json_response({"mode": self.world.customers.mode})

    async def say(self, request: web.Request) -> web.Response:
        """POST /customers/{phone}/say {"body", "to"?, "intent"?}: the customer types now."""
        wish = await body_of(request)
        phone, number = request.match_info["phone"], str(wish.get("to") or "")
        if not isinstance(wish.get("body"), str) or (number and number not in self.world.numbers):
            return web.json_response(
                {"error": "body is required; `to` must be one of our numbers"}, status=400
            )
        outcome = await self.world.customers.say(phone, wish["body"], number, str(wish.get("intent") or ""))
        return web.json_response(outcome)

    async def settings(self, request: web.Request) -> web.Response:
        """POST /settings {"webhook_base"?, "numbers"?: {"+1…": {"segments_per_second"?, "sms_url"?}}}."""
        world, wish = self.world, await body_of(request)
        if "webhook_base" in wish:
            world.webhook_base = str(wish["webhook_base"]).rstrip("/")
            world.store.put("webhook_base", world.webhook_base)
        for number, change in (wish.get("numbers") or {}).items():
            if number not in world.numbers:
                return web.json_response({"error": f"unknown number {number}"}, status=400)
            world.numbers[number].update(
                {k: v for k, v in change.items() if k in ("segments_per_second", "sms_url")}
            )
        world.store.put("numbers", world.numbers)
        await world.store.committed()
        return web.json_response({"webhook_base": world.webhook_base, "numbers": world.numbers})

    async def conversation(self, request: web.Request) -> web.Response:
        """GET /customers/{phone}.json: who it is and everything said, oldest first."""
        phone = request.match_info["phone"]
        return web.json_response({"phone": phone, "messages": conversation(self.world, phone)})

    async def reset(self, _request: web.Request) -> web.Response:
        """POST /reset: a fresh start for the next test, see `World.reset`."""
        await self.world.reset()
        await self.world.store.committed()
        return web.json_response({"ok": True})

    async def mails(self, _request: web.Request) -> web.Response:
        """GET /mail.json: the outbox, newest first."""
        rows = self.world.store.read("SELECT id, wall, data FROM mails ORDER BY wall DESC LIMIT 200")
        return web.json_response([{"id": r["id"], "wall": r["wall"], **json.loads(r["data"])} for r in rows])


def conversation(world: World, phone: str, limit: int = 200) -> list[dict[str, Any]]:
    """The latest `limit` texts to and from a phone, oldest first."""
    rows = world.store.read(
        "SELECT * FROM (SELECT * FROM messages WHERE recipient = ?"
        " UNION ALL SELECT * FROM messages WHERE sender = ?) ORDER BY n DESC LIMIT ?",
        (phone, phone, limit),
    )
    return [
        {
            "sid": world.traffic.sid(row["n"]),
            "direction": row["direction"],
            "number": row["recipient"] if row["direction"] == "inbound" else row["sender"],
            "body": row["body"],
            "status": row["status"],
            "error": row["error"],
            "intent": row["intent"],
            "wall": row["created"],
        }
        for row in reversed(rows)
    ]
