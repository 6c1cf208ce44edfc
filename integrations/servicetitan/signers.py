"""Whose key may sign a ServiceTitan webhook: each connection has its own.

A flood of hints reads them once in so many seconds. A key that was taken away is honoured until then; what
cannot be decrypted signs nothing.
"""

import logging
import time
from dataclasses import dataclass

from common import sql
from integrations.encryption import CredentialsUnreadable, decrypt
from integrations.servicetitan.webhooks import verify

KEPT_SECONDS = 2.0
KEY = "webhook_key"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Keys by account, and the monotonic instant from before they were read."""

    keys: dict[int, str]
    read_at: float


_kept: _Kept | None = None


def who_signed(body: bytes, signature: str) -> list[int]:
    """The accounts whose key signed these bytes; none for anybody else's. Raises the database's errors."""
    if not signature:
        return []
    return [account_id for account_id, key in _keys().items() if verify(body, signature, key)]


def forget() -> None:
    """Read anew whatever is asked next."""
    global _kept
    _kept = None


def _keys() -> dict[int, str]:
    global _kept
    began = time.monotonic()
    kept = _kept
    if kept is None or began - kept.read_at > KEPT_SECONDS:
        kept = _kept = _Kept(_read(), began)
    return kept.keys


def _read() -> dict[int, str]:
    found = {}
    for account_id, secrets in sql.rows(
        "SELECT account_id, credentials FROM integrations_connection WHERE provider = 'servicetitan'"
    ):
        try:
            key = decrypt(secrets).get(KEY, "")
        except CredentialsUnreadable:
            log.error("the credentials of account %s cannot be read: its webhooks are refused", account_id)
            continue
        if key:
            found[account_id] = key
    return found
