"""How people leave: the link below every email and in its headers (RFC 8058), and what follows from it.

A link names a mailbox and, where there is one, the email it stands in. It is signed, so that nobody can leave
for somebody else, and works for ever: the law asks for 30 days, a forgotten inbox for more.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from functools import cache

from django.conf import settings

VERSION = 1
_ID, _SEAL = 6, 12  # bytes: 2**48 rows, and 96 bits that nobody guesses
_WHOLE = 1 + 2 * _ID + _SEAL
_PURPOSE = b"truckroll.unsubscribing.v1"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link stands for; rows that may be gone."""

    address_id: int
    message_id: int | None = None


def url(address_id: int, message_id: int | None = None) -> str:
    """The absolute address of a mailbox's page, named by the email it is put into."""
    return f"{settings.PUBLIC_URL}/u/{token(address_id, message_id)}/"


def untold() -> str:
    """What stands in place of such an address where others than its customer read."""
    return f"{settings.PUBLIC_URL}/u/…"


def token(address_id: int, message_id: int | None = None) -> str:
    """The signed part of `url`."""
    named = bytes([VERSION]) + address_id.to_bytes(_ID) + (message_id or 0).to_bytes(_ID)
    return urlsafe_b64encode(named + _seal(settings.SECRET_KEY, named)).rstrip(b"=").decode()


def read(token: str) -> Link | None:
    """What a token stands for; None where nobody of ours made it. Former secret keys count."""
    if not token.isascii() or len(token) > 2 * _WHOLE:
        return None
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (NotBase64, ValueError):
        return None
    named, seal = data[:-_SEAL], data[-_SEAL:]
    if len(data) != _WHOLE or named[0] != VERSION:
        return None
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    if not any(hmac.compare_digest(_seal(key, named), seal) for key in keys):
        return None
    address_id, message_id = int.from_bytes(named[1 : 1 + _ID]), int.from_bytes(named[1 + _ID :])
    return Link(address_id, message_id or None)


def _seal(secret: str, named: bytes) -> bytes:
    return hmac.digest(_key(secret), named, "sha256")[:_SEAL]


@cache
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE, "sha256")
