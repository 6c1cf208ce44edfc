"""Whose secrets may sign a webhook of one Twilio account.

Callbacks come by the thousand, their secrets hardly ever change: what was read is kept for a moment, so that
a request is verified without a query. A secret that was taken away is honoured for 2 s at most; a new one at
once, because a signature that fits no kept secret is tried against those in the database.
"""

from collections.abc import Mapping
from typing import Any

from common.kept import Kept
from integrations.connections import twilio_tokens
from integrations.models import Connection
from integrations.twilio.webhooks import verify


def _read(account_sid: str) -> dict[int, tuple[str, ...]]:
    """Secrets by account."""
    connections = Connection.objects.filter(
        provider=Connection.Provider.TWILIO, settings__account_sid=account_sid
    ).order_by("pk")
    return {c.account_id: twilio_tokens(c) for c in connections}


_kept = Kept(_read)


def who_signed(
    url: str, params: Mapping[str, Any], headers: Mapping[str, str], *, account_sid: str
) -> list[int]:
    """The accounts of ours whose Twilio secret signed this request, in the order of their connections.

    Several where they share one Twilio account, none for anybody else's request. Database errors are raised:
    who cannot be verified is not let in.
    """
    kept = _kept.known(account_sid)
    found = _signed(kept, url, params, headers) if kept else []
    return found or _signed(_kept.read(account_sid), url, params, headers)


def forget() -> None:
    """Read anew whatever is asked next."""
    _kept.forget()


def _signed(
    tokens: Mapping[int, tuple[str, ...]], url: str, params: Mapping[str, Any], headers: Mapping[str, str]
) -> list[int]:
    return [account_id for account_id, secrets in tokens.items() if verify(url, params, headers, secrets)]
