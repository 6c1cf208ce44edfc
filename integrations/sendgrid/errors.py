"""SendGrid's refusals in plain words: what each makes of an email and what it asks of us.

A refused request names a field and a message; there are no codes, so the keys here are our own words.
Source: SendGrid's description of `mail/send` and its pages on errors and rate limits.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.messaging import DeliveryState, ProviderError, Remedy

_FAILED, _REJECTED = DeliveryState.FAILED, DeliveryState.REJECTED
_LONGEST_PAUSE_SECONDS = 300.0  # its limits are by the minute; two clocks may differ by more


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a refusal means. `state` None: nothing was decided, the email stays queued."""

    state: DeliveryState | None
    meaning: str
    remedy: Remedy = Remedy.NONE


CODES: dict[str, Verdict] = {
    "invalid_recipient": Verdict(_FAILED, "The mailbox’s address is not valid", Remedy.MAILBOX_INVALID),
    "bad_sender": Verdict(
        _REJECTED, "The provider does not let this mailbox send: verify it there", Remedy.FIX_SETTINGS
    ),
    "unauthorised": Verdict(
        _REJECTED, "The provider refused our credentials or account", Remedy.STOP_ACCOUNT
    ),
    "too_large": Verdict(_REJECTED, "The email is too large for the provider", Remedy.FIX_SETTINGS),
    "refused": Verdict(_REJECTED, "The provider could not read the email", Remedy.FIX_SETTINGS),
    "429": Verdict(None, "Too many requests at once", Remedy.RETRY_LATER),
}


def refusal(status: int, body: bytes, headers: Mapping[str, str], *, wall: float) -> ProviderError:
    """A refused request (HTTP 3xx and 4xx), or one of which nobody knows (408, 5xx), as our error.

    `wall` is the real time in unix seconds: the provider names the instant at which it takes more.
    """
    field, words = _first(body)
    if status == 408 or not 300 <= status < 500:
        return ProviderError(
            words or f"SendGrid answered {status}", permanent=False, accepted="unknown", code=str(status)
        )
    code = _code(status, field)
    verdict = CODES[code]
    said = f"{verdict.meaning} ({words})" if words and verdict.state else verdict.meaning
    return ProviderError(
        said,
        permanent=verdict.state is not None,
        accepted="no",
        code=code,
        retry_after=_seconds(headers, wall) if status == 429 else None,
        state=verdict.state,
        remedy=verdict.remedy,
    )


def _code(status: int, field: str) -> str:
    if status == 429:
        return "429"
    if field == "from" or field.startswith("from."):
        return "bad_sender"
    if status in (401, 403):
        return "unauthorised"
    if status == 413:
        return "too_large"
    to = field.startswith("personalizations.") and ".to." in field
    return "invalid_recipient" if status == 400 and to else "refused"


def _first(body: bytes) -> tuple[str, str]:
    """Field and message of the first error; empty where the answer has none, as a gateway's has not."""
    try:
        told: Any = json.loads(body)
        first = told["errors"][0]
        return str(first.get("field") or ""), str(first.get("message") or "")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return "", ""


def _seconds(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds until the provider takes more, where it says when: five minutes at most."""
    try:
        return min(max(0.0, float(headers["X-RateLimit-Reset"]) - wall), _LONGEST_PAUSE_SECONDS)
    except (KeyError, ValueError):
        return None
