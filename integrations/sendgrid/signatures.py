"""Whose SendGrid signed a webhook: ECDSA over P-256 and SHA-256 of the timestamp and the raw body.

One address serves every account of the deployment, so a batch belongs to whoever's key fits, and to nobody
else. Keys hardly ever change: what was read is kept for a moment. One that was taken away is honoured for 2
s at most; a new one at once, because a signature that fits no kept key is tried against those in the
database. Source: SendGrid's pages on the signed event webhook; the same headers sign inbound mail where its
policy says."""

import base64
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from common.kept import Kept
from integrations.models import Connection

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
KEY = "webhook_public_key"  # among a connection's settings
OLDEST, AHEAD = timedelta(days=3), timedelta(days=1)
"""A batch is repeated for 24 hours, and nobody says whether it is signed anew. What comes twice changes
nothing, so this only keeps very old ones out."""
_ALGORITHM = ec.ECDSA(hashes.SHA256())


_ALL = ""  # one address for all accounts, so all keys are read together
_Keys = Mapping[str, tuple[int, ...]]


def _read(_: str) -> _Keys:
    """Accounts by key."""
    keys: dict[str, list[int]] = defaultdict(list)
    connections = Connection.objects.filter(provider=Connection.Provider.SENDGRID).order_by("pk")
    for account_id, settings in connections.values_list("account_id", "settings"):
        if key := str(settings.get(KEY) or ""):
            keys[key].append(account_id)
    return {key: tuple(ids) for key, ids in keys.items()}


_kept = Kept(_read)


def who_signed(body: bytes, headers: Mapping[str, str], *, now: datetime) -> list[int]:
    """The accounts whose key signed these bytes: several where they share one SendGrid account, none for
    anybody else's request or one that is days old. Database errors are raised: who cannot be verified stays
    out."""
    signature, timestamp = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    if not signature or not _recent(timestamp, now):
        return []
    found = _signed(_kept.known(_ALL), body, signature, timestamp)
    return found or _signed(_kept.read(_ALL), body, signature, timestamp)


def verify(body: bytes, signature: str, timestamp: str, key: str) -> bool:
    """Whether this key, a base64 SPKI or PEM as SendGrid's page shows it, signed these bytes at this time."""
    public = public_key(key)
    if public is None:
        return False
    try:
        public.verify(base64.b64decode(signature, validate=True), timestamp.encode() + body, _ALGORITHM)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=1000)
def public_key(key: str) -> ec.EllipticCurvePublicKey | None:
    """The key that these letters stand for; None where they are no key of P-256."""
    words = "".join(part for part in key.split("-----") if "PUBLIC KEY" not in part)
    words = "".join(words.split())
    try:
        found = serialization.load_der_public_key(base64.b64decode(words, validate=True))
    except (ValueError, TypeError):
        return None
    is_p256 = isinstance(found, ec.EllipticCurvePublicKey) and isinstance(found.curve, ec.SECP256R1)
    return found if is_p256 else None  # type: ignore[return-value]


def forget() -> None:
    """Read anew whatever is asked next."""
    _kept.forget()


def _recent(timestamp: str, now: datetime) -> bool:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    age = now.timestamp() - int(timestamp)
    return -AHEAD.total_seconds() <= age <= OLDEST.total_seconds()


def _signed(kept: _Keys | None, body: bytes, signature: str, timestamp: str) -> list[int]:
    if kept is None:
        return []
    found = [ids for key, ids in kept.items() if verify(body, signature, timestamp, key)]
    return sorted({account_id for ids in found for account_id in ids})
