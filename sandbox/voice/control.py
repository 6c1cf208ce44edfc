"""The sandbox's own switches for calls: how phones behave, and acting for the people who hold them."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.servicetitan_writes import body_of
from sandbox.voice import story
from sandbox.voice.callers import NotNow
from sandbox.voice.conduct import WrongConduct
from sandbox.voice.leg import IN, Leg

if TYPE_CHECKING:
    from sandbox.world import World

KEYS = frozenset("0123456789*#")
LISTEN_SECONDS, LISTEN_STEP_SECONDS = 5.0, 0.02  # real ones


def leg_of(world: "World", phone: str) -> Leg:
    """The phone's live call, the latest of several. Raises NotNow."""
    found = [leg for leg in world.voice.live.values() if leg.phone == phone]
    if not found:
        raise NotNow(f"{phone} has no call")
    return found[-1]


def take(leg: Leg) -> None:
    """From now on a person holds the phone: nothing happens by itself, time is real."""
    leg.let_go()
    leg.conduct = replace(leg.conduct, by_hand=True)


def act(world: "World", phone: str, deed: str, digits: str = "") -> Leg:
    """`answer`, `decline`, `press`, `hangup` or `take`, now. Raises NotNow."""
    leg = leg_of(world, phone)
    if deed == "take":
        take(leg)
    elif deed == "answer":
        if leg.answered_at is not None or leg.direction == IN or leg.status != "ringing":
            raise NotNow(f"{phone} is not ringing")
        leg.conduct, leg.lifted = replace(leg.conduct, by_hand=True), True
        leg.poke()
    elif deed == "decline":
        if leg.answered_at is not None or leg.direction == IN:
            raise NotNow(f"{phone} is not ringing")
        leg.decline()
    elif deed == "press":
        if leg.answered_at is None:
            raise NotNow(f"{phone} has not answered")
        if not digits or set(digits) - KEYS:
            raise NotNow("digits are of 0123456789*#")
        leg.press(digits)
    elif deed == "hangup":
        if leg.answered_at is None and leg.direction != IN:
            raise NotNow(f"{phone} has not answered: decline instead")
        leg.hang_up()
    else:
        raise NotNow(f"nobody can {deed}")
    return leg


async def listened_for(leg: Leg) -> None:
    """Wait until keys are listened for. Raises NotNow."""
    for _ in range(round(LISTEN_SECONDS / LISTEN_STEP_SECONDS)):
        if leg.collecting:
            return
        await asyncio.sleep(LISTEN_STEP_SECONDS)
    raise NotNow(f"nobody listens to the keys of {leg.phone}")


class CallControl:
    """JSON endpoints that no provider has."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def add_routes(self, route: web.UrlDispatcher) -> None:
        """Register them."""
        route.add_get("/phones/{phone}.json", self.phone)
        route.add_post("/phones/{phone}", self.steer)
        route.add_delete("/phones/{phone}", self.release)
        route.add_post("/phones/{phone}/call", self.call)
        route.add_post("/phones/{phone}/{deed}", self.act)
        route.add_get("/calls.json", self.calls)
        route.add_get("/calls/{sid}.json", self.one)

    async def phone(self, request: web.Request) -> web.Response:
        """GET /phones/{phone}.json: what was asked of it, and its calls, newest first."""
        phone, voice = request.match_info["phone"], self.world.voice
        told = [story.told(voice, row) for row in story.calls(voice, phone, limit=50)]
        answer = {"phone": phone, "nature": voice.phones.nature(phone), **voice.phones.steered(phone)}
        return web.json_response({**answer, "calls": told})

    async def steer(self, request: web.Request) -> web.Response:
        """POST /phones/{phone}: a conduct from now on, or {"next": [conducts]} for the coming calls."""
        try:
            state = self.world.voice.phones.steer(request.match_info["phone"], await body_of(request))
        except (WrongConduct, TypeError) as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        await self.world.store.committed()
        return web.json_response(state)

    async def release(self, request: web.Request) -> web.Response:
        """DELETE /phones/{phone}: back to its own nature."""
        self.world.voice.phones.release(request.match_info["phone"])
        await self.world.store.committed()
        return web.json_response({"ok": True})

    async def call(self, request: web.Request) -> web.Response:
        """POST /phones/{phone}/call {"to"?, …conduct}: the phone calls our number; returns at once."""
        wish = await body_of(request)
        number = str(wish.pop("to", "") or "")
        try:
            leg = self.world.voice.callers.call(request.match_info["phone"], number, wish)
        except (WrongConduct, NotNow, TypeError) as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        await self.world.store.committed()
        return web.json_response({"sid": leg.sid, "to": leg.to})

    async def act(self, request: web.Request) -> web.Response:
        """POST /phones/{phone}/{answer|decline|press|hangup|take}: on its live call; 409 if it cannot.

        `press` takes {"digits", "at_once"?} and waits up to 5 s until a Gather or a Record listens.
        """
        deed, wish = request.match_info["deed"], await body_of(request) if request.can_read_body else {}
        digits = str(wish.get("digits") or "")
        try:
            if deed == "press" and not wish.get("at_once"):
                await listened_for(leg_of(self.world, request.match_info["phone"]))
            leg = act(self.world, request.match_info["phone"], deed, digits)
        except NotNow as wrong:
            return web.json_response({"error": str(wrong)}, status=409)
        await self.world.store.committed()
        return web.json_response({"sid": leg.sid, "status": leg.status})

    async def calls(self, request: web.Request) -> web.Response:
        """GET /calls.json?phone=&limit=: legs with all that was said on them, newest first."""
        try:
            limit = int(request.query.get("limit", 200))
        except ValueError:
            return web.json_response({"error": "limit is a number"}, status=400)
        rows = story.calls(self.world.voice, request.query.get("phone", ""), limit=limit)
        return web.json_response({"calls": [story.told(self.world.voice, row) for row in rows]})

    async def one(self, request: web.Request) -> web.Response:
        """GET /calls/{sid}.json."""
        row = self.world.voice.find(request.match_info["sid"])
        if row is None:
            return web.json_response({"error": "no such call"}, status=404)
        return web.json_response(story.told(self.world.voice, row))
