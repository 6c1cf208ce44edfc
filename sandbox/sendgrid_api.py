"""SendGrid's `POST /v3/mail/send`, as far as account mail needs it; every mail lands in the outbox page."""

import json
import secrets
from typing import Any

from aiohttp import web

from sandbox.world import World

MAX_PERSONALIZATIONS = 1000


class SendGridApi:
    """Validates, keeps, answers 202 with `X-Message-Id`."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def send(self, request: web.Request) -> web.Response:
        """POST /v3/mail/send."""
        world, conf = self.world, self.world.faults.now["sendgrid"]
        if request.headers.get("Authorization") != f"Bearer {world.credentials['sendgrid_key']}":
            return errors(401, "The provided authorization grant is invalid, expired, or revoked", None)
        if world.faults.hit(conf["http_429"]):
            answer = errors(429, "too many requests", None)
            answer.headers["X-RateLimit-Reset"] = str(int(world.clock.wall()) + 10)
            return answer
        if world.faults.hit(conf["http_500"]):
            return errors(500, "internal error", None)
        try:
            mail = json.loads(await request.read())
        except ValueError:
            return errors(400, "Bad Request", None)
        wrong = check(mail)
        if wrong is not None:
            return errors(400, wrong[1], wrong[0])
        message_id = secrets.token_urlsafe(16)
        world.store.write(
            "INSERT INTO mails (id, wall, data) VALUES (?, ?, ?)",
            (message_id, world.clock.wall(), json.dumps(mail)),
        )
        world.ledger.append(
            "mail",
            message_id=message_id,
            to=[to["email"] for part in mail["personalizations"] for to in part["to"]],
            subject=mail.get("subject", ""),
            recipients=len(mail["personalizations"]),
        )
        await world.store.committed()
        return web.Response(status=202, headers={"X-Message-Id": message_id})


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
