"""Addresses of ours that the provider asks during a call. Each names the call by its attempt, and is
signed."""

from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.urls import reverse


def of(step: str, attempt: UUID, **query: object) -> str:
    """The address of one step of a call, by its name in `webhook_urls`: answer, key, dialed, leg ..."""
    return _whole(reverse(f"twilio-call-{step}", args=[attempt]), query)


def inbound(step: str = "") -> str:
    """Where our numbers are set to at the provider: for calls, and with `status` for their ends."""
    return _whole(reverse(f"twilio-call-inbound{f'-{step}' if step else ''}"), {})


def _whole(path: str, query: dict[str, object]) -> str:
    asked = {name: value for name, value in query.items() if value}
    return f"{settings.PUBLIC_URL}{path}{f'?{urlencode(asked)}' if asked else ''}"
