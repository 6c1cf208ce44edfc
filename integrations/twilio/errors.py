"""Twilio's codes in plain words: what each makes of a message and what it asks of us.

Codes come back on the request (HTTP 400) or with a status callback. Twilio adds codes without notice:
an unknown one is Rejected where the request was refused and Failed where delivery was.
Source: Twilio's error dictionary.
"""

from dataclasses import dataclass

from integrations.messaging import DeliveryState, Remedy

_FAILED, _REJECTED, _EXPIRED = DeliveryState.FAILED, DeliveryState.REJECTED, DeliveryState.EXPIRED


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a code means. `state` None: nothing was decided, the message stays queued."""

    state: DeliveryState | None
    meaning: str
    remedy: Remedy = Remedy.NONE


_INVALID = Verdict(_FAILED, "The phone number is not valid", Remedy.NUMBER_INVALID)
_BAD_SENDER = Verdict(_REJECTED, "The sending number may not send this", Remedy.FIX_SETTINGS)
_OUR_PAYLOAD = Verdict(_REJECTED, "The provider could not read the message", Remedy.FIX_SETTINGS)
_SUSPENDED = Verdict(_REJECTED, "The provider refused our credentials or account", Remedy.STOP_ACCOUNT)
_UNREGISTERED = Verdict(_REJECTED, "The sending number is not registered for texting", Remedy.STOP_NUMBER)
_BUSY = Verdict(_FAILED, "The carrier was congested")

CODES: dict[str, Verdict] = {
    # --- the address ------------------------------------------------------------------------------
    "21211": _INVALID,
    "21217": _INVALID,
    "21604": _INVALID,
    "21614": Verdict(_FAILED, "The number is not a mobile number", Remedy.NO_TEXTS),
    "30006": Verdict(_FAILED, "A landline, or a carrier that takes no texts", Remedy.NO_TEXTS),
    "21612": Verdict(_FAILED, "No route from this sending number", Remedy.FIX_SETTINGS),
    "30003": Verdict(_FAILED, "The handset is off or out of reach"),
    "30005": Verdict(_FAILED, "The number is unknown or no longer active"),
    "30008": Verdict(_FAILED, "The carrier gave no reason"),
    "30011": Verdict(_FAILED, "The number cannot receive pictures"),
    "30019": Verdict(_FAILED, "The attachment is too big for the carrier"),
    "30017": _BUSY,
    "30410": _BUSY,
    # --- refused ----------------------------------------------------------------------------------
    "21610": Verdict(_REJECTED, "The person has opted out at the provider", Remedy.OPTED_OUT),
    "30004": Verdict(_REJECTED, "The message was blocked", Remedy.REVIEW_CONTENT),
    "30007": Verdict(_REJECTED, "The carrier filtered the message", Remedy.REVIEW_CONTENT),
    "30032": _UNREGISTERED,
    "30033": _UNREGISTERED,
    "30034": _UNREGISTERED,
    "30035": _UNREGISTERED,
    "30022": Verdict(_REJECTED, "The number's registered rate was exceeded"),
    "30023": Verdict(_REJECTED, "The registered daily limit was reached"),
    "30027": Verdict(_REJECTED, "The carrier's daily limit was reached"),
    "30450": Verdict(_REJECTED, "Held back by the provider's fraud protection"),
    "21408": Verdict(_REJECTED, "Texts to this region are switched off", Remedy.FIX_SETTINGS),
    "21606": _BAD_SENDER,
    "21703": _BAD_SENDER,
    "21212": _BAD_SENDER,
    "21602": _OUR_PAYLOAD,
    "21603": _OUR_PAYLOAD,
    "21617": _OUR_PAYLOAD,
    "21620": _OUR_PAYLOAD,
    "21623": _OUR_PAYLOAD,
    "30002": _SUSPENDED,
    "10001": _SUSPENDED,
    "20003": _SUSPENDED,
    "20404": _SUSPENDED,
    "14107": Verdict(_REJECTED, "Too many automatic answers in a row to this number"),
    # --- time -------------------------------------------------------------------------------------
    "20429": Verdict(None, "Too many requests at once", Remedy.RETRY_LATER),
    "21611": Verdict(None, "The sending number's queue is full", Remedy.RETRY_LATER),
    "30001": Verdict(_EXPIRED, "The provider's queue overflowed"),
    "30036": Verdict(_EXPIRED, "Not released within its send window"),
    "30047": Verdict(_EXPIRED, "No lawful hour within its send window"),
}

_REFUSED = Verdict(_REJECTED, "The provider refused the message")
_UNDELIVERED = Verdict(_FAILED, "The message could not be delivered")
_THROTTLED = Verdict(None, "Too many requests at once", Remedy.RETRY_LATER)


def of_request(http_status: int, code: str) -> Verdict:
    """What a refused request means (HTTP 3xx and 4xx, 408 excepted: that one proves nothing)."""
    if http_status == 429:
        return CODES.get(code, _THROTTLED)
    if http_status in (401, 403):
        return CODES.get(code, _SUSPENDED)
    return CODES.get(code, _REFUSED)


def of_delivery(code: str) -> Verdict:
    """What a `failed` or `undelivered` status means; always a final state."""
    verdict = CODES.get(code, _UNDELIVERED)
    return verdict if verdict.state else _UNDELIVERED
