"""The sandbox's own switches over HTTP, for tests and for people: faults, customers, settings, ledger."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox import media
from sandbox.faults import UnknownFault
from sandbox.followers import AGENTS, PERSON, links_in
from sandbox.ledger import PAGE_LIMIT
from sandbox.sendgrid_inbound import Letter
from sandbox.servicetitan_writes import body_of
from sandbox.world import World

MAIL_PEOPLE = 5_000
NUMBER_SETTINGS = ("segments_per_second", "sms_url", "voice_url", "status_callback")


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
                "undone": world.schedule.undone(),
                "unfinished_messages": len(world.traffic.live),
                "following": world.followers.under_way,
                "live_calls": len(world.voice.live),
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

    async def followers(self, request: web.Request) -> web.Response:
        """POST /followers {"on": true|false}: whether people and previews follow the links of texts."""
        wish = (await body_of(request)).get("on")
        if not isinstance(wish, bool):
            return web.json_response({"error": "on is true or false"}, status=400)
        self.world.followers.switch(wish)
        await self.world.store.committed()
        return web.json_response({"on": wish})

    async def follow(self, request: web.Request) -> web.Response:
        """POST /customers/{phone}/follow {"by"?: "person"|"preview", "place"?}: opens a link of the last text
        that had any."""
        wish, phone = await body_of(request), request.match_info["phone"]
        by = str(wish.get("by") or PERSON)
        texts = [one["body"] for one in conversation(self.world, phone) if one["direction"] != "inbound"]
        found = next((links for body in reversed(texts) if (links := links_in(body))), [])
        place = int(wish.get("place") or 0)
        if by not in AGENTS or not 0 <= place < len(found):
            return web.json_response({"error": "no such link, or nobody who follows it"}, status=404)
        status = await self.world.followers.follow(found[place], phone, by)
        await self.world.store.committed()
        return web.json_response({"url": found[place], "status": status})

    async def say(self, request: web.Request) -> web.Response:
        """POST /customers/{phone}/say {"body", "to"?, "intent"?, "media"?: [kinds]}: the customer types."""
        wish = await body_of(request)
        phone, number = request.match_info["phone"], str(wish.get("to") or "")
        if not isinstance(wish.get("body"), str) or (number and number not in self.world.numbers):
            return web.json_response(
                {"error": "body is required; `to` must be one of our numbers"}, status=400
            )
        files = wish.get("media") or []
        if not isinstance(files, list) or len(files) > media.MOST or set(files) - set(media.KINDS):
            return web.json_response({"error": f"media: of {sorted(media.KINDS)}"}, status=400)
        intent = str(wish.get("intent") or "")
        outcome = await self.world.customers.say(phone, wish["body"], number, intent, files)
        return web.json_response(outcome)

    async def write(self, request: web.Request) -> web.Response:
        """POST /mailboxes/{mailbox}/write {"to", "body"?, "html"?, "subject"?, "in_reply_to"?, …}: a mail to
        the product, with whatever else `Letter` has; returns how its webhook answered."""
        wish = await body_of(request)
        try:
            letter = Letter(**{**wish, "from_": request.match_info["mailbox"]})
        except TypeError as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        return web.json_response(await self.world.mail_inbound.deliver(letter))

    async def settings(self, request: web.Request) -> web.Response:
        """POST /settings {"webhook_base"?, "mail_inbound_url"?, "call_speed"?, "numbers"?: {"+1…":
        {"segments_per_second"?, "sms_url"?, "voice_url"?, "status_callback"?}}}."""
        world, wish = self.world, await body_of(request)
        if "webhook_base" in wish:
            world.webhook_base = str(wish["webhook_base"]).rstrip("/")
            world.store.put("webhook_base", world.webhook_base)
        if "mail_inbound_url" in wish:
            world.store.put("mail_inbound_url", str(wish["mail_inbound_url"]))
        if "call_speed" in wish:
            world.voice.set_speed(float(wish["call_speed"]))
        for number, change in (wish.get("numbers") or {}).items():
            if number not in world.numbers:
                return web.json_response({"error": f"unknown number {number}"}, status=400)
            world.numbers[number].update(
                {key: value for key, value in change.items() if key in NUMBER_SETTINGS}
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

    async def mails(self, request: web.Request) -> web.Response:
        """GET /mail.json?limit=: the outbox, newest first; cut off after some thousands of people."""
        found: list[dict[str, Any]] = []
        people = 0
        for message_id, wall, mail in self.world.mails.newest(int(request.query.get("limit", 200))):
            found.append({"id": message_id, "wall": wall, **mail})
            people += len(mail["personalizations"])
            if people >= MAIL_PEOPLE:
                break
        return web.json_response(found)

    async def mailbox(self, request: web.Request) -> web.Response:
        """GET /mailboxes/{address}.json: the mails of one reader as they read them, newest first."""
        address = request.match_info["address"].lower()
        return web.json_response([asdict(seen) for seen in self.world.mails.read_by(address)])


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
            "media": [{"kind": one["kind"], "url": one["url"]} for one in world.media.of(row["n"])],
        }
        for row in reversed(rows)
    ]
