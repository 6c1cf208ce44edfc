"""SendGrid's Inbound Parse: mails to the product, posted as multipart forms, signed over the exact bytes.

A 5xx, or no answer, is tried again for 72 hours (divided by the speed); anything else but 2xx loses the mail.
"""

import asyncio
import json
import secrets
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from sandbox.clock import rfc2822
from sandbox.http_post import BadAnswer, Poster
from sandbox.sendgrid_events import signed

if TYPE_CHECKING:
    from sandbox.world import World

FIRST_RETRY_SECONDS = 60.0
GIVE_UP_SECONDS = 72 * 3600.0


@dataclass
class Letter:
    """One mail to the product. `headers` come beside the usual ones; `attachments` are name, type, text."""

    from_: str
    to: str
    body: str = ""
    html: str = ""
    subject: str = ""
    in_reply_to: str = ""
    references: str = ""
    name: str = ""
    charset: str = "UTF-8"
    spf: str = "pass"
    dkim: str = ""  # "" says pass for the sender's domain
    envelope_from: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    attachments: list[tuple[str, str, str]] = field(default_factory=list)
    message_id: str = ""
    raw: bool = False
    intent: str = ""


class SendGridInbound:
    """Posts mails, and again where the product could not take them."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._poster = Poster()
        self._tasks: set[asyncio.Task[Any]] = set()
        world.schedule.handlers["mail_inbound"] = self._start

    async def stop(self) -> None:
        """Cut what is under way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._poster.close()

    async def deliver(self, letter: Letter, *, tries: int = 0, since: float = 0.0) -> dict[str, Any]:
        """Post one mail now; how the product answered. What it could not take comes again."""
        world, conf = self.world, self.world.faults.now["sendgrid"]["inbound"]
        domain = letter.from_.partition("@")[2]
        letter.message_id = letter.message_id or f"<{secrets.token_hex(12)}@mail.{domain}>"
        boundary = "xYzZY" + secrets.token_hex(12)
        body = form(fields_of(letter, rfc2822(world.clock.wall()) or ""), boundary)
        kind = f"Content-Type: multipart/form-data; boundary={boundary}\r\nUser-Agent: Sendlib/1.0\r\n"
        headers = kind.encode() + signed(world, body, badly=world.faults.hit(conf["bad_signature"]))
        status, error, generation = None, "", world.generation
        begun = world.clock.real()
        try:
            answer = await self._poster.post(
                world.mail_inbound_url(), headers, body, connect_seconds=5.0, total_seconds=30.0
            )
            status = answer.status
        except (BadAnswer, OSError, ValueError, TimeoutError) as problem:
            error = f"{type(problem).__name__}: {problem}"[:200]
        if generation == world.generation:
            world.ledger.append(
                "mail_inbound", **{"from": letter.from_}, to=letter.to, subject=letter.subject,
                body=letter.body, intent=letter.intent, message_id=letter.message_id, answer=status,
                error=error, tries=tries + 1, sent_at=begun, answered_at=world.clock.real(),
            )  # fmt: skip
            now, first = world.clock.real(), since or begun
            if (status is None or status >= 500) and now - first < GIVE_UP_SECONDS / world.speed:
                wait = max(0.1, FIRST_RETRY_SECONDS * 2 ** min(tries, 8) / world.speed)
                data = {"letter": asdict(letter), "tries": tries + 1, "since": first}
                world.schedule.add(now + wait, "mail_inbound", data)
            elif not tries and world.faults.hit(conf["duplicate"]):
                world.schedule.add(
                    now, "mail_inbound", {"letter": asdict(letter), "tries": 1, "since": first}
                )
            await world.store.committed()
        return {"message_id": letter.message_id, "status": status, "error": error}

    def _start(self, timer_id: int, data: dict[str, Any]) -> None:
        async def go() -> None:
            await self.deliver(Letter(**data["letter"]), tries=data["tries"], since=data["since"])
            self.world.schedule.done(timer_id)

        task = asyncio.create_task(go())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def fields_of(letter: Letter, date: str) -> list[tuple[str, bytes, str, str]]:
    """(name, value, file name, type) of the form's fields, in SendGrid's order."""
    domain = letter.from_.partition("@")[2]
    sender = f"{letter.name} <{letter.from_}>" if letter.name else letter.from_
    headers = {
        "Date": date, "From": sender, "To": letter.to, "Subject": letter.subject,
        "Message-ID": letter.message_id, "In-Reply-To": letter.in_reply_to, "References": letter.references,
        "MIME-Version": "1.0", **letter.headers,
    }  # fmt: skip
    head = "".join(f"{name}: {value}\n" for name, value in headers.items() if value)
    envelope_from = letter.from_ if letter.envelope_from is None else letter.envelope_from
    told: list[tuple[str, str]] = [
        ("dkim", letter.dkim or f"{{@{domain} : pass}}"),
        ("to", letter.to),
        ("from", sender),
        ("sender_ip", "192.0.2.17"),
        ("envelope", json.dumps({"to": [letter.to], "from": envelope_from})),
        ("subject", letter.subject),
        ("SPF", letter.spf),
    ]
    if letter.raw:
        return [
            ("email", whole(letter, headers), "", ""),
            *[(name, value.encode(), "", "") for name, value in told],
        ]
    charsets = {"to": "UTF-8", "from": "UTF-8", "subject": "UTF-8"}
    fields = [("headers", head.encode(), "", "")]
    for name, value in (("html", letter.html), ("text", letter.body)):
        if value or (name == "text" and not letter.html):
            charsets[name] = letter.charset
            fields.append((name, value.encode(letter.charset, "replace"), "", ""))
    fields += [(name, value.encode(), "", "") for name, value in told]
    fields.append(("charsets", json.dumps(charsets).encode(), "", ""))
    fields.append(("attachments", str(len(letter.attachments)).encode(), "", ""))
    if letter.attachments:
        info = {
            f"attachment{n}": {"filename": name, "name": name, "type": kind}
            for n, (name, kind, _) in enumerate(letter.attachments, 1)
        }
        fields.append(("attachment-info", json.dumps(info).encode(), "", ""))
        for n, (name, kind, text) in enumerate(letter.attachments, 1):
            fields.append((f"attachment{n}", text.encode(), name, kind))
    return fields


def whole(letter: Letter, headers: dict[str, str]) -> bytes:
    """The mail as it travelled, for the raw mode."""
    mail = EmailMessage()
    for name, value in headers.items():
        if value and name != "MIME-Version":
            mail[name] = value
    if letter.body or not letter.html:
        mail.set_content(letter.body, charset=letter.charset.lower())
        if letter.html:
            mail.add_alternative(letter.html, subtype="html")
    else:
        mail.set_content(letter.html, subtype="html")
    for name, kind, text in letter.attachments:
        main, _, sub = kind.partition("/")
        mail.add_attachment(text.encode(), maintype=main, subtype=sub, filename=name)
    return mail.as_bytes()


def form(fields: list[tuple[str, bytes, str, str]], boundary: str) -> bytes:
    """A multipart form of these fields."""
    parts = []
    for name, value, file, kind in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        head += f'; filename="{file}"\r\nContent-Type: {kind}' if file else ""
        parts.append(head.encode() + b"\r\n\r\n" + value + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()
