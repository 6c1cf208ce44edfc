"""Mails that were accepted: one row per request, as it came, and what each of its recipients sees.

A request stands for up to a thousand people. Nothing is kept per person: what somebody's events call the
mail, its arguments, its words and what becomes of it follow from the request and the place in it.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import mail_magic

if TYPE_CHECKING:
    from sandbox.world import World

Mail = dict[str, Any]
Listener = Callable[[str, Mail], None]
_PLACE = "recvd-sandbox"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person of a request. Of each personalization only the first address gets events."""

    index: int  # of the personalization
    email: str
    name: str
    sg_message_id: str  # what events call this person's mail
    args: dict[str, Any]  # events repeat them at their top level
    headers: dict[str, str]
    fate: str  # one of `mail_magic.FATES`, or "" for whoever chooses it


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail as one recipient reads it, substitutions made."""

    recipient: Recipient
    sender: str
    reply_to: str
    subject: str
    text: str
    html: str


class Mails:
    """The outbox. `listeners` hear of every accepted request, in the transaction that keeps it."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.listeners: list[Listener] = []

    def keep(self, raw: bytes, mail: Mail, received: float) -> str:
        """Store an accepted request and its ledger entry; what `X-Message-Id` says."""
        world, message_id = self._world, secrets.token_urlsafe(16)
        world.store.write(
            "INSERT INTO mails (id, wall, data) VALUES (?, ?, ?)", (message_id, world.clock.wall(), raw)
        )
        parts = mail["personalizations"]
        world.ledger.append(
            "mail",
            message_id=message_id,
            to=[to["email"] for part in parts for to in part["to"]],
            sender=mail["from"]["email"],
            subject=mail.get("subject") or parts[0].get("subject", ""),
            recipients=len(parts),
            attempts=[a for part in parts if (a := (part.get("custom_args") or {}).get("attempt"))],
            received_at=received,
        )
        for listener in self.listeners:
            listener(message_id, mail)
        return message_id

    def load(self, message_id: str) -> Mail | None:
        """A stored request; None where there is none."""
        rows = self._world.store.read("SELECT data FROM mails WHERE id = ?", (message_id,))
        return json.loads(rows[0]["data"]) if rows else None

    def newest(self, limit: int) -> Iterator[tuple[str, float, Mail]]:
        """(id, wall time, request), newest first; read one by one, because one may be a megabyte."""
        keys = self._world.store.read("SELECT rowid FROM mails ORDER BY rowid DESC LIMIT ?", (limit,))
        for key in keys:
            (row,) = self._world.store.read("SELECT id, wall, data FROM mails WHERE rowid = ?", (key[0],))
            yield row["id"], row["wall"], json.loads(row["data"])

    def read_by(self, address: str, limit: int = 200) -> Iterator["Shown"]:
        """What this mailbox got in the latest requests, newest first."""
        for message_id, _, mail in self.newest(limit):
            for place, part in enumerate(mail["personalizations"]):
                if part["to"][0]["email"].lower() == address:
                    yield shown(message_id, mail, place)


def recipients(message_id: str, mail: Mail) -> Iterator[Recipient]:
    """The people of a request, in its order."""
    for index in range(len(mail["personalizations"])):
        yield recipient(message_id, mail, index)


def recipient(message_id: str, mail: Mail, index: int) -> Recipient:
    """One person of a request. Raises IndexError."""
    part = mail["personalizations"][index]
    to = part["to"][0]
    return Recipient(
        index=index,
        email=to["email"],
        name=to.get("name") or "",
        sg_message_id=f"{message_id}.{_PLACE}-{index}",
        args={**(mail.get("custom_args") or {}), **(part.get("custom_args") or {})},
        headers={**(mail.get("headers") or {}), **(part.get("headers") or {})},
        fate=mail_magic.fate_of(to["email"]),
    )


def shown(message_id: str, mail: Mail, index: int) -> Shown:
    """What the recipient at this place reads. Raises IndexError."""
    part = mail["personalizations"][index]
    values = part.get("substitutions") or {}
    content = {c["type"]: c["value"] for c in mail.get("content") or []}
    reply_to = mail.get("reply_to") or {}
    return Shown(
        recipient=recipient(message_id, mail, index),
        sender=_person(part.get("from") or mail["from"]),
        reply_to=substituted(_person(reply_to), values) if reply_to else "",
        subject=substituted(part.get("subject") or mail.get("subject") or "", values),
        text=substituted(content.get("text/plain", ""), values),
        html=substituted(content.get("text/html", ""), values),
    )


def substituted(words: str, values: dict[str, str]) -> str:
    """Every tag replaced by its value, once: what a value says is no tag."""
    if not values or not words:
        return words
    tags = "|".join(re.escape(tag) for tag in sorted(values, key=len, reverse=True))
    return re.sub(tags, lambda found: values[found.group()], words)


def _person(someone: dict[str, Any]) -> str:
    name, email = someone.get("name") or "", someone.get("email") or ""
    return f"{name} <{email}>" if name else email
