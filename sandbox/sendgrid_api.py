"""SendGrid's `POST /v3/mail/send`; every mail lands in the outbox page, and in the ledger by its attempts."""

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from sandbox import mail_magic
from sandbox.twilio_api import drop
from sandbox.world import World

MAX_PERSONALIZATIONS = 1000
MAX_REQUEST_BYTES = 30 * 1024 * 1024
MAX_SUBSTITUTION_BYTES = 10_000  # of one personalization, tags and values together
# Headers that SendGrid sets itself and refuses in a request.
RESERVED_HEADERS = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to",
    "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")

Wrong = tuple[str | None, str]  # (field, message)


class SendGridApi:
    """Validates, keeps, answers 202 with `X-Message-Id`."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def send(self, request: web.Request) -> web.StreamResponse:
        """POST /v3/mail/send: validate, accept durably, then answer (or misbehave as told)."""
        world, conf = self.world, self.world.faults.now["sendgrid"]
        received = world.clock.real()
        if request.headers.get("Authorization") != f"Bearer {world.credentials['sendgrid_key']}":
            return errors(401, "The provided authorization grant is invalid, expired, or revoked", None)
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return errors(413, "The request is larger than 30MB.", None)
        if len(raw) > MAX_REQUEST_BYTES:
            return errors(413, "The request is larger than 30MB.", None)
        if world.faults.hit(conf["drop_before_accept"]):
            world.ledger.append("dropped", received_at=received)
            return drop(request)
        if world.faults.hit(conf["http_429"]):
            return self._throttled()
        if world.faults.hit(conf["http_500"]):
            return errors(500, "internal error", None)
        try:
            mail = json.loads(raw)
        except ValueError:
            return errors(400, "Bad Request", None)
        wrong = check(mail)
        if wrong is not None:
            return errors(400, wrong[1], wrong[0])
        magic = {word for part in mail["personalizations"] if (word := mail_magic.word_of(_first(part)))}
        if refused := self._refused_by_magic(mail, magic):
            return refused
        if only_checked(mail):
            return web.Response(status=200)
        if mail_magic.DROP_BEFORE_ACCEPT in magic:
            world.ledger.append("dropped", received_at=received)
            return drop(request)
        message_id = world.mails.keep(raw, mail, received)
        await world.store.committed()
        if mail_magic.ACCEPT_THEN_DROP in magic or world.faults.hit(conf["accept_then_drop"]):
            return drop(request)
        if mail_magic.ERROR_AFTER_ACCEPT in magic or world.faults.hit(conf["error_after_accept"]):
            return errors(503, "service unavailable", None)
        if conf["latency_seconds"]:
            await asyncio.sleep(conf["latency_seconds"])
        return web.Response(status=202, headers={"X-Message-Id": message_id})

    def _throttled(self) -> web.Response:
        """429, with the instant (unix seconds) at which more is taken."""
        reset = self.world.clock.real() + self.world.faults.now["sendgrid"]["reset_seconds"]
        answer = errors(429, "too many requests", None)
        answer.headers["X-RateLimit-Limit"] = "500"
        answer.headers["X-RateLimit-Remaining"] = "0"
        answer.headers["X-RateLimit-Reset"] = str(int(reset))
        return answer

    def _refused_by_magic(self, mail: dict[str, Any], magic: set[str]) -> web.Response | None:
        """The refusal that the first magic mailbox of this kind asks for."""
        if not magic & mail_magic.REFUSED.keys():
            return None
        for place, part in enumerate(mail["personalizations"]):
            refusal = mail_magic.REFUSED.get(mail_magic.word_of(_first(part)))
            if refusal is None:
                continue
            if refusal.status == 429:
                return self._throttled()
            field = refusal.field.format(place=place) if refusal.field else None
            return errors(refusal.status, refusal.message, field)
        return None


def only_checked(mail: dict[str, Any]) -> bool:
    """Whether the request asks to be checked and not sent: SendGrid's sandbox mode, answered with 200."""
    return bool(((mail.get("mail_settings") or {}).get("sandbox_mode") or {}).get("enable"))


def check(mail: Any) -> Wrong | None:
    """(field, message) of the first thing that SendGrid would refuse, or None."""
    if not isinstance(mail, dict):
        return "", "The payload must be an object."
    parts = mail.get("personalizations")
    if not isinstance(parts, list) or not parts:
        return (
            "personalizations",
            "The personalizations field is required and must have at least one personalization.",
        )
    if len(parts) > MAX_PERSONALIZATIONS:
        return "personalizations", f"There is a limit of {MAX_PERSONALIZATIONS} personalizations per request."
    if not valid_address(mail.get("from")):
        return "from.email", "The from email does not contain a valid address."
    if mail.get("reply_to") is not None and not valid_address(mail["reply_to"]):
        return "reply_to.email", "The reply_to email does not contain a valid address."
    if wrong := _headers(mail.get("headers"), "headers"):
        return wrong
    titled = bool(mail.get("subject") or mail.get("template_id"))
    for place, part in enumerate(parts):
        if wrong := _part(part, f"personalizations.{place}", titled=titled):
            return wrong
    return None if mail.get("template_id") else _content(mail.get("content"))


def _part(part: Any, at: str, *, titled: bool) -> Wrong | None:
    """What is wrong with one personalization."""
    people = part.get("to") if isinstance(part, dict) else None
    if not isinstance(people, list) or not people:
        return f"{at}.to", "The to array is required for all personalization objects."
    for place, person in enumerate(people):
        if not valid_address(person):
            return f"{at}.to.{place}.email", "Does not contain a valid address."
    if (len(people) > 1 or part.get("cc") or part.get("bcc")) and (twice := _twice(part)):
        return at, (
            "Each email address in the personalization block should be unique between to, cc, and bcc. "
            f"We found the first duplicate instance of [{twice}] in the {at}.to field."
        )
    if not (titled or part.get("subject")):
        return "subject", "The subject is required."
    for key, value in (part.get("custom_args") or {}).items():
        if not isinstance(value, str):
            return f"{at}.custom_args.{key}", "The custom_args values must be strings."
    if wrong := _headers(part.get("headers"), f"{at}.headers"):
        return wrong
    if values := part.get("substitutions"):
        if not all(isinstance(value, str) for value in values.values()):
            return f"{at}.substitutions", "The substitutions values must be strings."
        if len("".join([*values, *values.values()]).encode()) > MAX_SUBSTITUTION_BYTES:
            return f"{at}.substitutions", (
                f"The total size of substitutions may not exceed {MAX_SUBSTITUTION_BYTES} bytes."
            )
    return None


def _twice(part: dict[str, Any]) -> str:
    """The first address that a personalization names twice."""
    seen = set()
    for person in [*part["to"], *(part.get("cc") or []), *(part.get("bcc") or [])]:
        email = str(person.get("email")).lower()
        if email in seen:
            return email
        seen.add(email)
    return ""


def _headers(headers: Any, at: str) -> Wrong | None:
    for name, value in (headers or {}).items():
        if name.lower() in RESERVED_HEADERS:
            return f"{at}.{name}", "The header is reserved."
        if not isinstance(value, str):
            return f"{at}.{name}", "The headers values must be strings."
    return None


def _content(content: Any) -> Wrong | None:
    if not isinstance(content, list) or not content:
        return "content", "Unless a valid template_id is provided, the content parameter is required."
    if any(not isinstance(c, dict) or not c.get("type") or not c.get("value") for c in content):
        return "content.0.value", "The content value must be a string at least one character in length."
    types = [c["type"] for c in content]
    if "text/plain" in types and types[0] != "text/plain":
        return "content", "If present, text/plain and text/html may only be provided in that order."
    return None


def valid_address(person: Any) -> bool:
    """An object with a plausible `email`."""
    email = person.get("email") if isinstance(person, dict) else None
    return isinstance(email, str) and _ADDRESS.fullmatch(email) is not None


def _first(part: dict[str, Any]) -> str:
    email: str = part["to"][0]["email"]
    return email


def errors(status: int, message: str, field: str | None) -> web.Response:
    """SendGrid's error body."""
    return web.json_response({"errors": [{"message": message, "field": field}]}, status=status)
