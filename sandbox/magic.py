"""Magic recipients: +1 361 555 01NN (reserved numbers) provoke one outcome each, whatever the faults say."""

from dataclasses import dataclass

PREFIX = "+136155501"

# NN -> (error code, HTTP status): refused at once, nothing accepted.
REFUSED: dict[str, tuple[int, int]] = {
    "01": (21211, 400),
    "02": (21217, 400),
    "03": (21604, 400),
    "04": (21614, 400),
    "05": (21612, 400),
    "06": (21610, 400),
    "07": (21408, 400),
    "08": (21606, 400),
    "09": (21703, 400),
    "10": (21212, 400),
    "11": (21602, 400),
    "12": (21603, 400),
    "13": (21617, 400),
    "14": (21620, 400),
    "15": (21623, 400),
    "16": (21611, 400),
    "17": (20429, 429),
    "18": (20003, 401),
    "19": (20404, 404),
    "20": (10001, 403),
}

# NN -> (final status, error code): accepted, then announced by callback.
UNDELIVERED: dict[str, tuple[str, int | None]] = {
    "30": ("undelivered", 30003),
    "31": ("undelivered", 30004),
    "32": ("undelivered", 30005),
    "33": ("undelivered", 30006),
    "34": ("undelivered", 30007),
    "35": ("undelivered", 30008),
    "36": ("undelivered", 30011),
    "37": ("undelivered", 30017),
    "38": ("undelivered", 30019),
    "39": ("undelivered", 30022),
    "40": ("undelivered", 30023),
    "41": ("undelivered", 30027),
    "42": ("undelivered", 30032),
    "43": ("undelivered", 30033),
    "44": ("undelivered", 30034),
    "45": ("undelivered", 30035),
    "46": ("failed", 30036),
    "47": ("failed", 30047),
    "48": ("undelivered", 30410),
    "49": ("undelivered", 30450),
    "50": ("failed", 14107),
    "51": ("failed", 30001),
    "52": ("undelivered", 21610),
    "53": ("failed", 30002),
    "54": ("undelivered", 39999),  # a code that no list has yet
    "55": ("failed", None),  # failed without a code
}

# Once a picture has failed for one of these, words alone arrive at the same phone.
MEDIA_ONLY = frozenset({30011, 30019})

# NN -> behaviour of the connection or of the callbacks.
NO_RECEIPT = "70"  # `sent`, then nothing for ever
NO_CALLBACKS = "71"
REVERSED = "72"  # final status first, then `sent`
TRIPLED = "73"  # every callback three times
ACCEPT_THEN_DROP = "74"
DROP_BEFORE_ACCEPT = "75"
ERROR_AFTER_ACCEPT = "76"
SLOW_ANSWER = "77"  # answers after 10 real seconds
LATE_RECEIPT = "79"  # final status an hour (divided by the speed) late
READ = "80"  # delivered, then `read`
SLOW_SECONDS = 10.0
BEHAVIOURS = {
    NO_RECEIPT: "sent, then no receipt for ever",
    NO_CALLBACKS: "delivered, but no callback at all",
    REVERSED: "final callback before the one for sent",
    TRIPLED: "every callback three times",
    ACCEPT_THEN_DROP: "accepted, then the connection dies",
    DROP_BEFORE_ACCEPT: "the connection dies, nothing accepted",
    ERROR_AFTER_ACCEPT: "accepted, then 503",
    SLOW_ANSWER: "accepted, answered after 10 s",
    LATE_RECEIPT: "final status an hour (divided by the speed) late",
    READ: "delivered, then read",
}

MESSAGES: dict[int, str] = {
    10001: "Account is not active",
    10004: "Call concurrency limit exceeded",
    13225: "Call to {to} blocked by a block list",
    13227: "Account not authorized to call {to}. Geo permissions do not allow it",
    20001: "Unknown or invalid parameter",
    20003: "Authenticate",
    20009: "The call is still under way",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    21211: "Invalid 'To' Phone Number: {to}",
    21201: "A 'To' phone number is required.",
    21203: "Account not authorized to make international calls",
    21205: "Url is not a valid URL",
    21206: "SendDigits contains invalid characters",
    21207: "MachineDetection is not valid",
    21208: "Timeout is not valid",
    21209: "Method must be GET or POST",
    21210: "The source phone number provided, {sender}, is not yet verified for your account.",
    21212: "Invalid From Number (caller ID): {sender}",
    21213: "A 'From' phone number is required.",
    21214: "'To' phone number cannot be reached: {to}",
    21215: "Account not authorized to call {to}. Geo permissions do not allow it",
    21216: "Account not allowed to call {to}",
    21218: "Invalid ApplicationSid",
    21220: "Call is not in-progress. Cannot redirect.",
    21626: "StatusCallbackEvent is not valid",
    22005: "Call queue full",
    12100: "Document parse failure",
    12200: "Schema validation warning",
    21217: "Phone number does not appear to be valid",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number provided ({sender}) is not a valid message-capable Twilio phone number.",
    21609: "The 'StatusCallback' URL {callback} is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "The 'To' phone number: {to}, is not currently reachable using the 'From' phone number: {sender}",
    21614: "'To' number: {to}, is not a valid mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    21624: "Invalid validity period value",
    21620: "Invalid media URL(s)",
    21623: "Number of media files exceeds allowed limit",
    21703: "The Messaging Service does not have a phone number available to send a message.",
    35118: "MessagingServiceSid is required to schedule a message",
}


@dataclass(frozen=True, slots=True)
class Magic:
    """What a recipient provokes; all None for an ordinary phone."""

    refusal: tuple[int, int] | None = None
    final: tuple[str, int | None] | None = None
    behaviour: str | None = None


ORDINARY = Magic()


def of(phone: str) -> Magic:
    """The magic of a recipient."""
    if not phone.startswith(PREFIX) or len(phone) != 12:
        return ORDINARY
    last = phone[10:]
    return Magic(REFUSED.get(last), UNDELIVERED.get(last), last if last >= "70" else None)
