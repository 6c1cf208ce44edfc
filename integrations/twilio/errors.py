"""Twilio's codes in plain words: what each makes of a message and what it asks of us.

Codes come back on the request (HTTP 400) or with a status callback. Twilio adds codes without notice:
an unknown one is Rejected where the request was refused and Failed where delivery was.
Source: Twilio's error dictionary.
"""

from dataclasses import dataclass
from datetime import timedelta

from integrations.messaging import DeliveryState, Remedy

_FAILED, _REJECTED, _EXPIRED = DeliveryState.FAILED, DeliveryState.REJECTED, DeliveryState.EXPIRED


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a code means. `state` None: nothing was decided, the message stays queued.

    `again_after` is how long a message waits for its second try where the remedy is one.
    """

    state: DeliveryState | None
    meaning: str
    remedy: Remedy = Remedy.NONE
    again_after: timedelta | None = None


_SOON, _LATER, _MUCH_LATER = timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=3)
_INVALID = Verdict(_FAILED, "The phone number is not valid", Remedy.NUMBER_INVALID)
_BAD_SENDER = Verdict(_REJECTED, "The sending number may not send this", Remedy.FIX_SETTINGS)
_OUR_PAYLOAD = Verdict(_REJECTED, "The provider could not read the message", Remedy.REPORT_BUG)
_SUSPENDED = Verdict(_REJECTED, "The provider refused our credentials or account", Remedy.STOP_ACCOUNT)
_BUSY = Verdict(_FAILED, "The carrier was congested", Remedy.ONCE_MORE, _LATER)

CODES: dict[str, Verdict] = {
    # --- the address ------------------------------------------------------------------------------
    "21211": _INVALID,
    "21217": _INVALID,
    "21604": _INVALID,
    "21614": Verdict(_FAILED, "The number is not a mobile number", Remedy.NO_TEXTS),
    "30006": Verdict(_FAILED, "A landline, or a carrier that takes no texts", Remedy.NO_TEXTS),
    "21612": Verdict(_FAILED, "No route from this sending number", Remedy.FIX_SETTINGS),
    "30003": Verdict(_FAILED, "The handset is off or out of reach", Remedy.ONCE_MORE, _MUCH_LATER),
    "30005": Verdict(_FAILED, "The number is unknown or no longer active", Remedy.INACTIVE),
    "30008": Verdict(_FAILED, "The carrier gave no reason", Remedy.ONCE_MORE, _LATER),
    "30011": Verdict(_FAILED, "The number cannot receive pictures", Remedy.AS_SMS, timedelta()),
    "30019": Verdict(_FAILED, "The attachment is too big for the carrier", Remedy.AS_SMS, timedelta()),
    "30017": _BUSY,
    "30410": Verdict(_FAILED, "The carrier did not answer in time", Remedy.ONCE_MORE, _LATER),
    # --- refused ----------------------------------------------------------------------------------
    "21610": Verdict(_REJECTED, "The person has opted out at the provider", Remedy.OPTED_OUT),
    "30004": Verdict(_REJECTED, "The message was blocked", Remedy.REVIEW_CONTENT),
    "30007": Verdict(_REJECTED, "The carrier filtered the message", Remedy.REVIEW_CONTENT),
    "30032": Verdict(_REJECTED, "The toll-free number is not verified", Remedy.STOP_NUMBER),
    "30033": Verdict(_REJECTED, "The number’s registered campaign is suspended", Remedy.STOP_NUMBER),
    "30034": Verdict(_REJECTED, "The sending number is not registered for texting", Remedy.STOP_NUMBER),
    "30035": Verdict(_REJECTED, "The number’s registration is still being set up", Remedy.STOP_NUMBER),
    "30022": Verdict(_REJECTED, "The number’s registered rate was exceeded", Remedy.NEXT_DAY),
    "30023": Verdict(_REJECTED, "The registered daily limit was reached", Remedy.NEXT_DAY),
    "30027": Verdict(_REJECTED, "The carrier’s daily limit was reached", Remedy.NEXT_DAY),
    "30450": Verdict(_REJECTED, "Held back by the provider’s fraud protection", Remedy.HOLD, _LATER),
    "21408": Verdict(_REJECTED, "Texts to this region are switched off", Remedy.FIX_SETTINGS),
    "21606": _BAD_SENDER,
    "21703": Verdict(_REJECTED, "The messaging service has no number to send from", Remedy.FIX_SETTINGS),
    "21212": Verdict(_REJECTED, "The sending number is not valid", Remedy.FIX_SETTINGS),
    "21602": Verdict(_REJECTED, "The provider saw no words in the message", Remedy.REPORT_BUG),
    "21603": Verdict(_REJECTED, "The provider saw no sending number", Remedy.REPORT_BUG),
    "21617": Verdict(_REJECTED, "The message is longer than a text may be", Remedy.REPORT_BUG),
    "21620": Verdict(_REJECTED, "The provider could not use a picture’s address", Remedy.REPORT_BUG),
    "21623": Verdict(_REJECTED, "The message has too many pictures", Remedy.REPORT_BUG),
    "30002": Verdict(_REJECTED, "The account at the provider is suspended", Remedy.STOP_ACCOUNT),
    "10001": Verdict(_REJECTED, "The account at the provider is not active", Remedy.STOP_ACCOUNT),
    "20003": Verdict(_REJECTED, "The provider refused our credentials", Remedy.STOP_ACCOUNT),
    "20404": Verdict(_REJECTED, "The provider does not know our account", Remedy.STOP_ACCOUNT),
    "14107": Verdict(
        _REJECTED, "Too many automatic answers in a row to this number", Remedy.STOP_CONVERSATION
    ),
    # --- time -------------------------------------------------------------------------------------
    "20429": Verdict(None, "Too many requests at once", Remedy.RETRY_LATER),
    "21611": Verdict(None, "The sending number’s queue is full", Remedy.RETRY_LATER),
    "30001": Verdict(_EXPIRED, "The provider’s queue overflowed", Remedy.ONCE_MORE, _SOON),
    "30036": Verdict(_EXPIRED, "Not released within its send window", Remedy.ONCE_MORE, _SOON),
    "30047": Verdict(_EXPIRED, "No lawful hour within its send window", Remedy.ONCE_MORE, _SOON),
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
