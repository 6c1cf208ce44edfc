"""Whose secrets may sign a webhook of one Twilio account.

Callbacks come by the thousand, their secrets hardly ever change: what was read is kept for a moment, so that
a request is verified without a query. A secret that was taken away is honoured for 2 s at most; a new one at
once, because a signature that fits no kept secret is tried against those in the database.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.connections import twilio_tokens
from integrations.models import Connection
from integrations.twilio.webhooks import verify

FRESH_SECONDS = 1.0  # then one request reads anew while the others go on with what is kept
KEPT_SECONDS = 2.0  # then every request reads


@dataclass(frozen=True, slots=True)
class _Kept:
    """Secrets by account, and the monotonic instant from before they were read."""

    tokens: dict[int, tuple[str, ...]]
    read_at: float


_kept: dict[str, _Kept] = {}  # only Twilio accounts of ours, so that strangers cannot fill it
_reading = threading.Lock()


def who_signed(
    url: str, params: Mapping[str, Any], headers: Mapping[str, str], *, account_sid: str
) -> list[int]:
    """The accounts of ours whose Twilio secret signed this request, in the order of their connections.

    Several where they share one Twilio account, none for anybody else's request. Database errors are raised:
    who cannot be verified is not let in.
    """
    kept = _known(account_sid)
    found = _signed(kept.tokens, url, params, headers) if kept else []
    return found or _signed(_read(account_sid).tokens, url, params, headers)


def forget() -> None:
    """Read anew whatever is asked next."""
    _kept.clear()


def _signed(
    tokens: Mapping[int, tuple[str, ...]], url: str, params: Mapping[str, Any], headers: Mapping[str, str]
) -> list[int]:
    return [account_id for account_id, secrets in tokens.items() if verify(url, params, headers, secrets)]


def _known(account_sid: str) -> _Kept | None:
    """What is kept and young enough; read anew where this request is the one to do it."""
    kept = _kept.get(account_sid)
    if kept is None:
        return None
    age = time.monotonic() - kept.read_at
    if age < FRESH_SECONDS:
        return kept
    if not _reading.acquire(blocking=False):
        return kept if age < KEPT_SECONDS else None
    try:
        return _read(account_sid)
    finally:
        _reading.release()


def _read(account_sid: str) -> _Kept:
    began = time.monotonic()
    connections = Connection.objects.filter(
        provider=Connection.Provider.TWILIO, settings__account_sid=account_sid
    ).order_by("pk")
    found = _Kept({c.account_id: twilio_tokens(c) for c in connections}, began)
    if found.tokens:
        _kept[account_sid] = found
    else:
        _kept.pop(account_sid, None)
    return found
