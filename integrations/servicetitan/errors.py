"""ServiceTitan's refusals as ProviderError."""

import json
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from common import clock
from integrations.messaging import ProviderError, Remedy

MAX_RETRY_AFTER_SECONDS = 60.0


def refusal(status: int, text: str, headers: Mapping[str, str]) -> ProviderError:
    """What an error answer means.

    4xx: not done; permanent except for credentials (somebody will mend them, so work waits) and 429.
    5xx and 408: unknown. Bodies are problem JSON, sometimes HTML; neither may break the reading.
    """
    words, code = _words(text) or f"ServiceTitan answered {status}", str(status)
    if status == 429:
        return ProviderError(
            words,
            permanent=False,
            accepted="no",
            code=code,
            retry_after=retry_after(headers),
            remedy=Remedy.RETRY_LATER,
        )
    if status in (401, 403):
        return ProviderError(words, permanent=False, accepted="no", code=code, remedy=Remedy.STOP_ACCOUNT)
    if 300 <= status < 500 and status != 408:
        return ProviderError(words, permanent=True, accepted="no", code=code, remedy=Remedy.FIX_SETTINGS)
    return ProviderError(
        words, permanent=False, accepted="unknown", code=code, retry_after=retry_after(headers)
    )


def unreadable(what: str) -> ProviderError:
    """A success whose body is not what was promised (an HTML page of a gateway, a broken record)."""
    return ProviderError(
        f"ServiceTitan's answer could not be read: {what}",
        permanent=False,
        accepted="unknown",
        code="unreadable",
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from either form of the header; None where it is missing or nonsense."""
    value = headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = (until - clock.now()).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _words(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    parts = [str(body.get("title") or "")]
    errors = body.get("errors")
    if isinstance(errors, dict):
        parts += [f"{name}: {value}" for name, value in errors.items()]
    return "; ".join(part for part in parts if part)[:300]
