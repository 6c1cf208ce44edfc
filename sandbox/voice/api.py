"""Twilio's Calls API: placing and changing calls. Reading is in `reads`."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from sandbox.traffic import Refusal, attempt_of
from sandbox.twilio_api import (
    BEFORE_ANSWER_SECONDS,
    E164,
    TwilioApi,
    drop,
    problem,
    valid_callback,
)
from sandbox.voice import conduct, life, markup
from sandbox.voice.documents import Document
from sandbox.voice.leg import COMPLETED, IN_PROGRESS, OUT, Leg
from sandbox.world import World

MOST_TWIML = 4000
MOST_TIMEOUT = 600
LONGEST_QUEUE_SECONDS = 24 * 3600.0
EVENTS = ("initiated", "ringing", "answered", "completed")
METHODS = ("Method", "FallbackMethod", "StatusCallbackMethod", "RecordingStatusCallbackMethod")
URLS = ("FallbackUrl", "StatusCallback", "RecordingStatusCallback", "AsyncAmdStatusCallback")
SEND_DIGITS = frozenset("0123456789*#wW")


class CallsApi:
    """Handlers of `/2010-04-01/Accounts/{sid}/Calls.json` (POST) and `/Calls/{sid}.json` (POST, DELETE)."""

    def __init__(self, world: World, twilio: TwilioApi) -> None:
        self.world, self.twilio, self.exchange = world, twilio, world.voice
        self._busy = 0

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST Calls.json: validate, accept durably, then answer (or misbehave as told)."""
        received = self.world.clock.real()
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            self.world.ledger.append("call_refusal", code=20003, status=stranger.status, received_at=received)
            return stranger
        self._busy += 1
        try:
            return await self._create(request, received)
        finally:
            self._busy -= 1

    async def _create(self, request: web.Request, received: float) -> web.StreamResponse:
        world, faults, conf = self.world, self.world.faults, self.world.faults.now["calls"]
        form = await form_of(request)
        to, sender, callback = form.get("To", ""), form.get("From", ""), form.get("StatusCallback", "")
        trick, slow = conduct.magic(to), faults.hit(conf["slow"]["rate"])
        facts = {"to": to, "from": sender, "attempt": attempt_of(callback), "received_at": received}
        if slow and conf["slow"]["before_accept"]:
            await asyncio.sleep(conf["slow"]["seconds"])
        if trick == conduct.DROP_BEFORE_ACCEPT or faults.hit(conf["drop_before_accept"]):
            world.ledger.append("call_dropped", **facts)
            return drop(request)
        try:
            limit = conf["concurrency_limit"]
            if (limit and self._busy > limit) or faults.hit(conf["http_429"]):
                raise Refusal(20429, 429)
            if faults.hit(conf["http_500"]):
                raise Refusal(20500, 500)
            self._validate(form, trick)
        except Refusal as refusal:
            world.ledger.append("call_refusal", code=refusal.code, status=refusal.status, **facts)
            return problem(refusal.code, refusal.status, to=to, sender=sender, callback=callback)
        leg = self._accept(form, facts)
        # As the call was when it was accepted, "queued": it may ring before the ledger is on disk.
        answer = self.exchange.resource(self.exchange.row(leg.n))
        await world.store.committed()
        if trick == conduct.ACCEPT_THEN_DROP or faults.hit(conf["accept_then_drop"]):
            return drop(request)
        if trick == conduct.ERROR_AFTER_ACCEPT or faults.hit(conf["error_after_accept"]):
            return problem(20503, 503)
        wait = conf["latency_seconds"]
        wait += BEFORE_ANSWER_SECONDS if conf["callbacks"]["before_answer"] else 0.0
        wait += conf["slow"]["seconds"] if slow and not conf["slow"]["before_accept"] else 0.0
        wait += conduct.SLOW_SECONDS if trick == conduct.SLOW_ANSWER else 0.0
        if wait:
            await asyncio.sleep(wait)
        return web.json_response(answer, status=201)

    def _accept(self, form: dict[str, Any], facts: dict[str, Any]) -> Leg:
        queue = self.exchange.slot()
        leg = self.exchange.make(OUT, form["From"], form["To"], {**form})
        self.world.store.write("UPDATE calls SET queue_ms = ? WHERE n = ?", (round(queue * 1000), leg.n))
        self.world.ledger.append(
            "call",
            sid=leg.sid,
            phone=leg.phone,
            **facts,
            url=form.get("Url", ""),
            twiml=form.get("Twiml", ""),
            callback=form.get("StatusCallback", ""),
            machine_detection=form.get("MachineDetection", ""),
            timeout=form.get("Timeout", ""),
            record=form.get("Record") == "true",
            queue_seconds=round(queue, 3),
            accepted_at=self.world.clock.wall(),
        )
        self.exchange.spawn(life.outbound(self.exchange, leg, queue))
        return leg

    def _validate(self, form: dict[str, Any], trick: str) -> None:
        """Raises Refusal with Twilio's code."""
        to, sender = form.get("To", ""), form.get("From", "")
        if not to:
            raise Refusal(21201)
        if not sender:
            raise Refusal(21213)
        if not E164.fullmatch(to):
            raise Refusal(21211)
        if not E164.fullmatch(sender):
            raise Refusal(21212)
        if sender not in self.world.numbers:
            raise Refusal(21210)
        self._validate_instructions(form)
        for name in URLS:
            if form.get(name) and not valid_callback(form[name]):
                raise Refusal(21609 if name == "StatusCallback" else 21205)
        if any(form.get(name) not in (None, "", "GET", "POST") for name in METHODS):
            raise Refusal(21209)
        timeout = str(form.get("Timeout") or "60")
        if not timeout.isdigit() or not 1 <= int(timeout) <= MOST_TIMEOUT:
            raise Refusal(21208)
        if set(form.get("SendDigits") or "") - SEND_DIGITS:
            raise Refusal(21206)
        if not set(form["StatusCallbackEvent"]) <= set(EVENTS):
            raise Refusal(21626)
        if form.get("MachineDetection") not in (None, "", "Enable", "DetectMessageEnd"):
            raise Refusal(21207)
        if not str(form.get("TimeLimit") or "1").isdigit():
            raise Refusal(20001)
        self._validate_room(trick)

    @staticmethod
    def _validate_instructions(form: dict[str, Any]) -> None:
        url = form.get("Url")
        if url:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise Refusal(21205)
        elif form.get("Twiml"):
            if len(form["Twiml"]) > MOST_TWIML:
                raise Refusal(20001)
            try:
                markup.parse(form["Twiml"], "text/xml")
            except markup.Refused as wrong:
                raise Refusal(wrong.code) from wrong
        elif form.get("ApplicationSid"):
            raise Refusal(21218)
        else:
            raise Refusal(21205)

    def _validate_room(self, trick: str) -> None:
        if trick in conduct.REFUSED:
            raise Refusal(*conduct.REFUSED[trick])
        most = self.world.faults.now["calls"]["most_at_once"]
        if most and sum(leg.direction == OUT for leg in self.exchange.live.values()) >= most:
            raise Refusal(10004, 429)
        if self.exchange.queue_seconds() > LONGEST_QUEUE_SECONDS:
            raise Refusal(22005)

    # --- changing --------------------------------------------------------------------------------

    async def update(self, request: web.Request) -> web.Response:
        """POST Calls/{sid}.json: `Status=canceled|completed`, or another document by `Url` or `Twiml`."""
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            return stranger
        row = self.exchange.find(request.match_info["sid"])
        if row is None:
            return problem(20404, 404)
        leg, form = self.exchange.live.get(request.match_info["sid"]), await form_of(request)
        self.world.ledger.append(
            "call_update",
            sid=request.match_info["sid"],
            to=row["recipient"],
            was=row["status"],
            wish={key: value for key, value in form.items() if value},
        )
        try:
            if leg is None:
                raise Refusal(21220)
            self._change(leg, form)
        except Refusal as refusal:
            return problem(refusal.code, refusal.status)
        await self.world.store.committed()
        return web.json_response(self.exchange.resource(self.exchange.row(row["n"])))

    def _change(self, leg: Leg, form: dict[str, Any]) -> None:
        status = form.get("Status", "")
        if status == "canceled":
            if leg.answered_at is None:
                self.exchange.end(leg, "canceled", by="product's request")
        elif status == COMPLETED:
            ending = COMPLETED if leg.answered_at is not None else "canceled"
            self.exchange.end(leg, ending, by="product's request")
        elif status:
            raise Refusal(20001)
        elif form.get("Url") or form.get("Twiml"):
            if leg.status != IN_PROGRESS:
                raise Refusal(21220)
            self._validate_instructions(form)
            if form.get("Url"):
                verb = markup.Verb("Redirect", {"method": form.get("Method") or "POST"}, form["Url"])
                leg.redirect = Document(form["Url"], (verb,))
            else:
                leg.redirect = Document("", markup.parse(form["Twiml"], "text/xml"))
            leg.poke()
            if leg.parent is not None:
                leg.parent.poke()
        else:
            raise Refusal(20001)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE Calls/{sid}.json, once it is over; the ledger keeps its entries."""
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            return stranger
        row = self.exchange.find(request.match_info["sid"])
        if row is None:
            return problem(20404, 404)
        if row["live"]:
            return problem(20009, 409)
        self.world.store.write("DELETE FROM calls WHERE n = ?", (row["n"],))
        await self.world.store.committed()
        return web.Response(status=204)


async def form_of(request: web.Request) -> dict[str, Any]:
    """The form's fields; events, which may be repeated or written in one field, are lists."""
    fields = parse_qsl((await request.read()).decode(), keep_blank_values=True)
    form: dict[str, Any] = dict(fields)
    for name, default in (
        ("StatusCallbackEvent", "completed"),
        ("RecordingStatusCallbackEvent", "completed"),
    ):
        said = [word for key, value in fields if key == name for word in value.replace(",", " ").split()]
        form[name] = said or [default]
    return form
