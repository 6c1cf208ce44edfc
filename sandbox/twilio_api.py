"""Twilio's Messages API: creating. Reading and numbers are in `twilio_reads`."""

import asyncio
import re
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from sandbox import magic, media
from sandbox.messages import resource
from sandbox.traffic import Refusal, attempt_of
from sandbox.world import World

E164 = re.compile(r"\+[1-9]\d{6,14}")
MAX_BODY = 1600
DEFAULT_VALIDITY_SECONDS = 36_000
BEFORE_ANSWER_SECONDS = 0.3


class TwilioApi:
    """Handlers of `/2010-04-01/Accounts/{sid}/Messages.json` (POST)."""

    def __init__(self, world: World) -> None:
        self.world = world
        sid, token = world.credentials["account_sid"], world.credentials["auth_token"]
        self._authorization = "Basic " + b64encode(f"{sid}:{token}".encode()).decode()
        self._busy = 0

    def refuse_stranger(self, request: web.Request) -> web.Response | None:
        """401/20003 for wrong credentials, 404/20404 for another account's path."""
        self.world.base_url = f"{request.scheme}://{request.host}"  # as the product knows us
        if request.headers.get("Authorization") != self._authorization:
            return problem(20003, 401)
        if request.match_info["account"] != self.world.credentials["account_sid"]:
            return problem(20404, 404)
        return None

    async def create(self, request: web.Request) -> web.StreamResponse:
        """POST Messages.json: validate, accept durably, then answer (or misbehave as told)."""
        received = self.world.clock.real()
        stranger = self.refuse_stranger(request)
        if stranger is not None:
            self.world.ledger.append("refusal", code=20003, status=stranger.status, received_at=received)
            return stranger
        self._busy += 1
        try:
            return await self._create(request, received)
        finally:
            self._busy -= 1

    async def _create(self, request: web.Request, received: float) -> web.StreamResponse:
        world, faults = self.world, self.world.faults
        conf = faults.now
        fields = parse_qsl((await request.read()).decode(), keep_blank_values=True)
        form, urls = dict(fields), [value for name, value in fields if name == "MediaUrl"]
        to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
        callback, trick = form.get("StatusCallback", ""), magic.of(form.get("To", ""))
        slow = faults.hit(conf["slow"]["rate"])
        if slow and conf["slow"]["before_accept"]:
            await asyncio.sleep(conf["slow"]["seconds"])
        if trick.behaviour == magic.DROP_BEFORE_ACCEPT or faults.hit(conf["drop_before_accept"]):
            world.ledger.append("dropped", to=to, attempt=attempt_of(callback), received_at=received)
            return drop(request)
        try:
            limit = conf["concurrency_limit"]
            if (limit and self._busy > limit) or faults.hit(conf["http_429"]):
                raise Refusal(20429, 429)
            if faults.hit(conf["http_500"]):
                raise Refusal(20500, 500)
            service = self._validate(form, trick, urls)
            row = world.traffic.accept(
                sender=sender or self._pooled_sender(to),
                to=to,
                body=body,
                callback=callback,
                validity=validity_of(form),
                service=service,
                received=received,
                media=urls,
            )
        except Refusal as refusal:
            world.ledger.append(
                "refusal",
                code=refusal.code,
                status=refusal.status,
                to=to,
                **{"from": sender},
                attempt=attempt_of(callback),
                body=body,
                received_at=received,
            )
            return problem(refusal.code, refusal.status, to=to, sender=sender, callback=callback)
        await world.store.committed()
        if trick.behaviour == magic.ACCEPT_THEN_DROP or faults.hit(conf["accept_then_drop"]):
            return drop(request)
        if trick.behaviour == magic.ERROR_AFTER_ACCEPT or faults.hit(conf["error_after_accept"]):
            return problem(20503, 503)
        wait = conf["latency_seconds"]
        wait += BEFORE_ANSWER_SECONDS if conf["callbacks"]["before_answer"] else 0.0
        wait += conf["slow"]["seconds"] if slow and not conf["slow"]["before_accept"] else 0.0
        wait += magic.SLOW_SECONDS if trick.behaviour == magic.SLOW_ANSWER else 0.0
        if wait:
            await asyncio.sleep(wait)
        return web.json_response(resource(world, row), status=201)

    def _validate(self, form: dict[str, str], trick: magic.Magic, urls: list[str]) -> str | None:
        """The messaging service of a valid request, or None. Raises Refusal with Twilio's code."""
        world = self.world
        to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
        service, callback = form.get("MessagingServiceSid") or None, form.get("StatusCallback", "")
        if not to:
            raise Refusal(21604)
        if not sender and not service:
            raise Refusal(21603)
        if not body and not any(key in form for key in ("MediaUrl", "ContentSid")):
            raise Refusal(21602)
        if not E164.fullmatch(to):
            raise Refusal(21211)
        if sender and not E164.fullmatch(sender):
            raise Refusal(21212)
        if sender and sender not in world.numbers:
            raise Refusal(21606)
        if service and service != world.customers.service_sid:
            raise Refusal(21703)
        if len(body) > MAX_BODY:
            raise Refusal(21617)
        if len(urls) > media.MOST:
            raise Refusal(21623)
        if not media.valid_urls(urls):
            raise Refusal(21620)
        if callback and not valid_callback(callback):
            raise Refusal(21609)
        if form.get("ScheduleType") or form.get("SendAt"):
            raise Refusal(35118)
        if trick.refusal:
            raise Refusal(*trick.refusal)
        if world.faults.now["block_opted_out"]:
            pool = [sender] if sender else list(world.numbers)
            if any((number, to) in world.traffic.optouts for number in pool):
                raise Refusal(21610)
        return service

    def _pooled_sender(self, to: str) -> str:
        """A service keeps one sender per recipient."""
        numbers = sorted(self.world.numbers)
        return numbers[int(to[-4:]) % len(numbers)]


def valid_callback(url: str) -> bool:
    """http(s), a host without underscore (Twilio refuses those)."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in (parts.hostname or "_")


def validity_of(form: dict[str, str]) -> int:
    """ValidityPeriod in seconds, 1..36000, 36000 unless given. Raises Refusal 21624."""
    raw = form.get("ValidityPeriod", "")
    if not raw:
        return DEFAULT_VALIDITY_SECONDS
    if not raw.isdigit() or not 1 <= int(raw) <= DEFAULT_VALIDITY_SECONDS:
        raise Refusal(21624)
    return int(raw)


def problem(code: int, status: int, **words: Any) -> web.Response:
    """Twilio's error body."""
    text = magic.MESSAGES.get(code, "Invalid request" if status < 500 else "Internal server error")
    values = {"to": "", "sender": "", "callback": "", **words}
    body = {
        "code": code,
        "message": text.format(**values),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status)


def drop(request: web.Request) -> web.StreamResponse:
    """Cut the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
