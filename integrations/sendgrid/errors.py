"""SendGrid's refusals in plain words: what each makes of an email and what it asks of us.

A refused request names a field and a message; there are no codes, so the keys here are our own words.
Source: SendGrid's description of `mail/send` and its pages on errors and rate limits.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.messaging import DeliveryState, ProviderError, Remedy

_FAILED, _REJECTED = DeliveryState.FAILED, DeliveryState.REJECTED
# What everybody in a request shares, and no value of a person's stands in.
_SHARED = frozenset({
    "from", "reply_to", "reply_to_list", "mail_settings", "tracking_settings", "categories", "asm",
    "ip_pool_name", "template_id",
})  # fmt: skip
_NAMED = re.compile(r"personalizations\.(\d{1,4})\b")
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

SAID: dict[str, str] = {
    "invalid_recipient": "400, naming a recipient",
    "bad_sender": "400 or 403, naming the sender",
    "unauthorised": "401 or 403",
    "too_large": "413",
    "refused": "400 and all others",
    "429": "429",
}
"""By code: how SendGrid answers a request that is refused so."""


class Refused(ProviderError):
    """A whole request was refused, so nobody in it was mailed.

    `places` are the recipients that SendGrid names, counted from 0. `may_divide` tells whether others of the
    request might be taken without whoever it was about.
    """

    def __init__(self, message: str, *, may_divide: bool, places: frozenset[int], **more: Any) -> None:
        super().__init__(message, accepted="no", **more)
        self.may_divide = may_divide
        self.places = places


def refusal(status: int, body: bytes, headers: Mapping[str, str], *, wall: float) -> ProviderError:
    """A refused request (HTTP 3xx and 4xx), or one of which nobody knows (408, 5xx), as our error.

    `wall` is the real time in unix seconds: the provider names the instant at which it takes more.
    """
    told = _told(body)
    field, words = told[0] if told else ("", "")
    if status == 408 or not 300 <= status < 500:
        return ProviderError(
            words or f"SendGrid answered {status}", permanent=False, accepted="unknown", code=str(status)
        )
    code = _code(status, field)
    return _refused(
        code, words,
        may_divide=status == 413 or (status == 400 and field.partition(".")[0] not in _SHARED),
        places=frozenset(place for named, _ in told if (place := _place(named)) is not None),
        retry_after=_seconds(headers, wall) if status == 429 else None,
    )  # fmt: skip


def too_large() -> Refused:
    """A request that is larger than SendGrid takes, before anybody is asked."""
    return _refused("too_large", "", may_divide=True, places=frozenset(), retry_after=None)


def no_mailbox() -> ProviderError:
    """An email to what cannot be a mailbox at all, before anybody is asked."""
    return _refused("invalid_recipient", "", may_divide=False, places=frozenset(), retry_after=None)


def _refused(code: str, words: str, **more: Any) -> Refused:
    verdict = CODES[code]
    return Refused(
        f"{verdict.meaning} ({words})" if words and verdict.state else verdict.meaning,
        permanent=verdict.state is not None,
        code=code,
        state=verdict.state,
        remedy=verdict.remedy,
        **more,
    )


def _code(status: int, field: str) -> str:
    if status == 429:
        return "429"
    if field == "from" or field.startswith(("from.", "reply_to")):
        return "bad_sender"
    if status in (401, 403):
        return "unauthorised"
    if status == 413:
        return "too_large"
    to = _place(field) is not None and ".to" in field
    return "invalid_recipient" if status == 400 and to else "refused"


def _place(field: str) -> int | None:
    """Which recipient a field like `personalizations.3.to.0.email` is about."""
    found = _NAMED.match(field)
    return int(found[1]) if found else None


def _told(body: bytes) -> list[tuple[str, str]]:
    """(field, message) of the errors; empty where the answer has none, as a gateway's has not."""
    try:
        told: Any = json.loads(body)
        return [(str(one.get("field") or ""), str(one.get("message") or "")) for one in told["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _seconds(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds until the provider takes more, where it says when: five minutes at most."""
    try:
        return min(max(0.0, float(headers["X-RateLimit-Reset"]) - wall), _LONGEST_PAUSE_SECONDS)
    except (KeyError, ValueError):
        return None
