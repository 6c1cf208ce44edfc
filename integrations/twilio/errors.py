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
    known: bool = True  # Twilio's own code, of which the words are ours


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

CALL_CODES: dict[str, Verdict] = {
    # --- the phone --------------------------------------------------------------------------------
    "21211": _INVALID,
    "21217": _INVALID,
    "13224": _INVALID,
    "21214": Verdict(_FAILED, "The phone cannot be reached by calls"),
    # --- refused ----------------------------------------------------------------------------------
    "21215": Verdict(_REJECTED, "Calls to this region are switched off", Remedy.FIX_SETTINGS),
    "13227": Verdict(_REJECTED, "Calls to this region are switched off", Remedy.FIX_SETTINGS),
    "21216": Verdict(_REJECTED, "The provider calls no such numbers"),
    "13225": Verdict(_REJECTED, "The provider calls no such numbers"),
    "21210": Verdict(_REJECTED, "The sending number may not call", Remedy.FIX_SETTINGS),
    "21212": Verdict(_REJECTED, "The sending number is not valid", Remedy.FIX_SETTINGS),
    "21219": Verdict(_REJECTED, "A trial account calls verified numbers only", Remedy.FIX_SETTINGS),
    "21205": Verdict(_REJECTED, "The provider could not use our address", Remedy.REPORT_BUG),
    "21213": Verdict(_REJECTED, "The provider saw no sending number", Remedy.REPORT_BUG),
    "21201": Verdict(_REJECTED, "The provider saw no phone to call", Remedy.REPORT_BUG),
    "10001": _SUSPENDED,
    "20003": Verdict(_REJECTED, "The provider refused our credentials", Remedy.STOP_ACCOUNT),
    "20404": Verdict(_REJECTED, "The provider does not know our account", Remedy.STOP_ACCOUNT),
    # --- time -------------------------------------------------------------------------------------
    "20429": Verdict(None, "Too many requests at once", Remedy.RETRY_LATER),
    "10004": Verdict(None, "Too many calls at once at the provider", Remedy.RETRY_LATER),
    "22005": Verdict(_FAILED, "It waited too long at the provider"),
}
"""What the same provider says of calls. Source: its error dictionary."""

_REFUSED = Verdict(_REJECTED, "The provider refused the message", known=False)
_UNDELIVERED = Verdict(_FAILED, "The message could not be delivered", known=False)
_CALL_REFUSED = Verdict(_REJECTED, "The provider refused the call", known=False)
_CALL_FAILED = Verdict(_FAILED, "The call could not be connected", known=False)
_NO_SUCH_PHONE = Verdict(_FAILED, "The carrier knows no such phone", known=False)
_THROTTLED = Verdict(None, "Too many requests at once", Remedy.RETRY_LATER, known=False)
SIP_NO_SUCH_PHONE = ("404", "410", "484", "604")


def of_request(http_status: int, code: str) -> Verdict:
    """What a refused request means (HTTP 3xx and 4xx, 408 excepted: that one proves nothing)."""
    if http_status == 429:
        return CODES.get(code, _THROTTLED)
    if http_status in (401, 403):
        return CODES.get(code, _SUSPENDED)
    return CODES.get(code, _REFUSED)


def of_call_request(http_status: int, code: str) -> Verdict:
    """As `of_request`, of a request to place a call."""
    if http_status == 429:
        return CALL_CODES.get(code, _THROTTLED)
    if http_status in (401, 403):
        return CALL_CODES.get(code, _SUSPENDED)
    return CALL_CODES.get(code, _CALL_REFUSED)


def of_failed_call(code: str, sip: str) -> Verdict:
    """What a call's `failed` status means, by the provider's code and the carrier's SIP answer (RFC 3261,
    section 21); always a final state. A phone is not given up for what one carrier said once."""
    verdict = CALL_CODES.get(code)
    if verdict is not None and verdict.state:
        return verdict
    return _NO_SUCH_PHONE if sip in SIP_NO_SUCH_PHONE else _CALL_FAILED


def of_delivery(code: str) -> Verdict:
    """What a `failed` or `undelivered` status means; always a final state."""
    verdict = CODES.get(code, _UNDELIVERED)
    return verdict if verdict.state else _UNDELIVERED
