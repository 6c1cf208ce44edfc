"""SendGrid's `POST /v3/mail/send`; every mail lands in the outbox page, and in the ledger by its attempt."""

import asyncio
import json
import secrets
from typing import Any

from aiohttp import web

from sandbox.twilio_api import drop
from sandbox.world import World

MAX_PERSONALIZATIONS = 1000
# Headers that SendGrid sets itself and refuses in a request.
RESERVED_HEADERS = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to",
    "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip


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
        raw = await request.read()
        if world.faults.hit(conf["drop_before_accept"]):
            world.ledger.append("dropped", received_at=received)
            return drop(request)
        if world.faults.hit(conf["http_429"]):
            answer = errors(429, "too many requests", None)
            answer.headers["X-RateLimit-Reset"] = str(int(world.clock.real() + conf["reset_seconds"]))
            return answer
        if world.faults.hit(conf["http_500"]):
            return errors(500, "internal error", None)
        try:
            mail = json.loads(raw)
        except ValueError:
            return errors(400, "Bad Request", None)
        wrong = check(mail)
        if wrong is not None:
            return errors(400, wrong[1], wrong[0])
        if only_checked(mail):
            return web.Response(status=200)
        message_id = self._keep(mail, received)
        await world.store.committed()
        if world.faults.hit(conf["accept_then_drop"]):
            return drop(request)
        if world.faults.hit(conf["error_after_accept"]):
            return errors(503, "service unavailable", None)
        if conf["latency_seconds"]:
            await asyncio.sleep(conf["latency_seconds"])
        return web.Response(status=202, headers={"X-Message-Id": message_id})

    def _keep(self, mail: dict[str, Any], received: float) -> str:
        """Store an accepted mail and its entry; what answers and events call it."""
        world, message_id = self.world, secrets.token_urlsafe(16)
        world.store.write(
            "INSERT INTO mails (id, wall, data) VALUES (?, ?, ?)",
            (message_id, world.clock.wall(), json.dumps(mail)),
        )
        parts = mail["personalizations"]
        world.ledger.append(
            "mail",
            message_id=message_id,
            to=[to["email"] for part in parts for to in part["to"]],
            sender=mail["from"]["email"],
            subject=mail.get("subject", ""),
            recipients=len(parts),
            attempts=[a for part in parts if (a := (part.get("custom_args") or {}).get("attempt"))],
            received_at=received,
        )
        return message_id


def only_checked(mail: dict[str, Any]) -> bool:
    """Whether the request asks to be checked and not sent: SendGrid's sandbox mode, answered with 200."""
    return bool(((mail.get("mail_settings") or {}).get("sandbox_mode") or {}).get("enable"))


def check(mail: Any) -> tuple[str, str] | None:
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
    for n, part in enumerate(parts):
        people = part.get("to") if isinstance(part, dict) else None
        if not isinstance(people, list) or not people:
            return f"personalizations.{n}.to", "The to array is required for all personalization objects."
        for m, person in enumerate(people):
            if not valid_address(person):
                return f"personalizations.{n}.to.{m}.email", "Does not contain a valid address."
        if not (mail.get("subject") or part.get("subject") or mail.get("template_id")):
            return "subject", "The subject is required."
        for key, value in (part.get("custom_args") or {}).items():
            if not isinstance(value, str):
                return f"personalizations.{n}.custom_args.{key}", "The custom_args values must be strings."
        for name in {**(part.get("headers") or {}), **(mail.get("headers") or {})}:
            if name.lower() in RESERVED_HEADERS:
                return f"personalizations.{n}.headers.{name}", "The header is reserved."
    content = mail.get("content")
    if not mail.get("template_id"):
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
    return (
        isinstance(email, str) and email.count("@") == 1 and "." in email.split("@")[1] and " " not in email
    )


def errors(status: int, message: str, field: str | None) -> web.Response:
    """SendGrid's error body."""
    return web.json_response({"errors": [{"message": message, "field": field, "help": None}]}, status=status)
