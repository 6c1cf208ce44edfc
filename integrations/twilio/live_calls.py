"""Calls that are going on: led to other words, or ended. Synchronous, for webhooks and tasks."""

from integrations.claimed_http import TOTAL_SECONDS
from integrations.twilio.client import TwilioAccess, asking, sdk_of


def redirect(access: TwilioAccess, call_id: str, *, url: str) -> None:
    """Let a live call go on with what this address says. Raises ProviderError, also where it is over."""
    _change(access, call_id, url=url, method="POST")


def call_off(access: TwilioAccess, call_id: str, *, seconds: float = TOTAL_SECONDS) -> None:
    """Call off a call that nobody has answered yet; one that was answered meanwhile goes on. Raises
    ProviderError, also where it is over."""
    _change(access, call_id, seconds=seconds, status="canceled")


def end(access: TwilioAccess, call_id: str, *, seconds: float = TOTAL_SECONDS) -> None:
    """End a call, also one that does not ring yet. Raises ProviderError; one that is over is no error."""
    _change(access, call_id, seconds=seconds, status="completed")


def _change(access: TwilioAccess, call_id: str, *, seconds: float = TOTAL_SECONDS, **changes: str) -> None:
    """Change a live call, within so many seconds. Raises ProviderError."""
    with asking(seconds) as http:
        sdk_of(access, http).calls(call_id).update(**changes)
