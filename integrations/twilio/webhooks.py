"""Twilio's webhooks: is it Twilio, and what does it say?

Nothing here trusts a client header for the address: Twilio signs the URL it was given, which is
`PUBLIC_URL` plus path and query, byte for byte.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from twilio.request_validator import (
    HMAC_SHA1,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from integrations.messaging import DeliveryReport, DeliveryState, InboundText, Remedy
from integrations.twilio import errors

# Callbacks come in any order; a report is applied only where its rank is above the one applied before.
RANKS = {
    "accepted": 1,
    "scheduled": 1,
    "queued": 2,
    "sending": 3,
    "sent": 4,
    "partially_delivered": 4,
    "delivered": 5,
    "undelivered": 5,
    "failed": 5,
    "canceled": 5,
    "read": 6,
}
_STATES = {
    "sent": DeliveryState.SENT,
    "partially_delivered": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.DELIVERED,
    "canceled": DeliveryState.CANCELLED,
}
_UNDELIVERED = ("failed", "undelivered")
MOST_MEDIA = 10


def public_url(request: HttpRequest) -> str:
    """The address Twilio signed: ours from the settings, the request's path and query."""
    return f"{settings.PUBLIC_URL}{request.get_full_path()}"


def verify(
    url: str,
    params: Mapping[str, Any] | str,
    headers: Mapping[str, str],
    tokens: tuple[str, ...],
    shared_keys: tuple[str, ...] = (),
) -> bool:
    """Whether the request carries a signature of one of our secrets.

    `params` are the POST fields (a QueryDict, unknown fields included) or the raw JSON body. `tokens`
    are the primary and, during rotation, the secondary auth token (HMAC-SHA1). A request signed with a
    shared key names its algorithm in a header and is held to `shared_keys` alone, so that it cannot
    choose the weaker way. A missing or empty signature is never valid.
    """
    signature = headers.get(SIGNATURE_HEADER, "")
    if not signature:
        return False
    algorithm = get_signature_algorithm(headers.get(SIGNATURE_SETTINGS_HEADER, "")).upper()
    secrets = tokens if algorithm == HMAC_SHA1 else shared_keys
    return any(RequestValidator(s).validate(url, params, signature, algorithm) for s in secrets if s)


def status_event_id(params: Mapping[str, str]) -> str:
    """The key under which one status of one message is stored once: sid, status, code."""
    return f"{params.get('MessageSid', '')}:{params.get('MessageStatus', '')}:{params.get('ErrorCode', '')}"


def parse_status(params: Mapping[str, str], attempt_id: UUID | None) -> DeliveryReport:
    """A status callback's fields; `attempt_id` is the one in the callback's path."""
    return report(
        provider_id=params["MessageSid"],
        status=params.get("MessageStatus", ""),
        code=params.get("ErrorCode", ""),
        attempt_id=attempt_id,
    )


def report(provider_id: str, status: str, code: str, attempt_id: UUID | None = None) -> DeliveryReport:
    """A status in our words, from a callback or from the list. An unknown status has rank 0."""
    meaning = errors.of_delivery(code) if status in _UNDELIVERED else None
    return DeliveryReport(
        provider_id=provider_id,
        attempt_id=attempt_id,
        status=status,
        state=(meaning.state if meaning else None) or _STATES.get(status, DeliveryState.ACCEPTED),
        rank=RANKS.get(status, 0),
        code=code,
        meaning=meaning.meaning if meaning else "",
        remedy=meaning.remedy if meaning else Remedy.NONE,
    )


def parse_inbound(params: Mapping[str, str]) -> InboundText:
    """An inbound text's fields. Media addresses are as Twilio gave them: check before fetching."""
    named = params.get("NumMedia") or "0"
    count = min(int(named), MOST_MEDIA) if named.isascii() and named.isdigit() else 0
    media = [(params.get(f"MediaUrl{i}", ""), params.get(f"MediaContentType{i}", "")) for i in range(count)]
    return InboundText(
        provider_id=params["MessageSid"],
        to=params["To"],
        from_=params["From"],
        body=params.get("Body", ""),
        media=tuple(url for url, _ in media if url),
        media_types=tuple(kind for url, kind in media if url),
        opt_out_type=params.get("OptOutType", ""),
        raw={key: params[key] for key in params},
    )
