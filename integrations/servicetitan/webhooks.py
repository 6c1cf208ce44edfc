"""ServiceTitan's webhooks: whether one is genuine, and what it hints at.

HMAC-SHA256 over the raw body, in hex. The catalogue of events and their envelope are published nowhere, so
what changed is looked for where such bodies have it; a body that says nothing readable is a hint that
something changed. Never more than a hint: what is true is fetched.
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SIGNATURE_HEADER = "X-ServiceTitan-Signature"
MAX_BYTES = 64 * 1024
MOST_HINTS = 500  # of one body
_PREFIX = "sha256="
_LARGEST_ID = 2**63 - 1
_REPEATED_SECONDS = 600
# What a name of an event says, in this order: "customer contact changed" is about a contact.
_ENTITIES = (
    ("contact", "contacts"),
    ("appointment", "appointments"),
    ("booking", "bookings"),
    ("location", "locations"),
    ("estimate", "estimates"),
    ("invoice", "invoices"),
    ("membership", "memberships"),
    ("job", "jobs"),
    ("customer", "customers"),
)
_NAMES = ("eventType", "eventName", "event", "type", "entityType", "topic")
_INSIDE = ("data", "payload", "entity", "resource", "object")
_EVENT_IDS = ("eventId", "webhookId", "messageId", "deliveryId")


@dataclass(frozen=True, slots=True)
class Hint:
    """What may have changed: rows of a list by id, those of contacts by that of their customer. Without an
    id it is not known which."""

    entity: str = ""
    id: int | None = None


def sign(body: bytes, key: str) -> str:
    """What genuine ones carry in the header."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def verify(body: bytes, signature: str, key: str) -> bool:
    """Whether whoever has `key` signed exactly these bytes; never without a key."""
    given = signature.strip().lower().removeprefix(_PREFIX)
    return bool(key) and hmac.compare_digest(sign(body, key).encode(), given.encode())


def event_id(body: bytes, *, at: datetime) -> str:
    """What makes two deliveries the same: the event's own id, else the very bytes within ten minutes. What
    changes again later may be told of in the same words."""
    found = _parsed(body)
    own = next((str(found[name]) for name in _EVENT_IDS if found.get(name)), "") if found else ""
    slot = int(at.timestamp() // _REPEATED_SECONDS)
    return own.replace("\0", "")[:150] or f"{hashlib.sha256(body).hexdigest()}:{slot}"


def hints(body: bytes) -> list[Hint]:
    """What a body says has changed, at least one."""
    return _hints(_parsed(body)) or [Hint()]


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(found, list):
        found = {"data": found}
    return found if isinstance(found, dict) else {}


def _hints(body: dict[str, Any]) -> list[Hint]:
    entity = _entity(body)
    rows = next((body[name] for name in _INSIDE if isinstance(body.get(name), dict | list)), body)
    found = [_hint(row, entity) for row in (rows if isinstance(rows, list) else [rows])[:MOST_HINTS]]
    return list(dict.fromkeys(found))


def _entity(body: dict[str, Any]) -> str:
    words = " ".join(str(body[name]) for name in _NAMES if isinstance(body.get(name), str)).lower()
    return next((entity for word, entity in _ENTITIES if re.search(word, words)), "")


def _hint(row: Any, entity: str) -> Hint:
    if not isinstance(row, dict):
        return Hint()
    entity = _entity(row) or entity
    names = ("customerId",) if entity == "contacts" else ("id", "entityId", f"{entity[:-1]}Id")
    for name in names:
        value = str(row.get(name))
        if entity and value.isdecimal() and len(value) < 20 and 0 < int(value) <= _LARGEST_ID:
            return Hint(entity, int(value))
    return Hint()
