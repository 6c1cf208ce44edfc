"""SendGrid's events: what each makes of an email, what it asks of us, and how it is read.

One table for whoever shows or acts upon them. Events come in any order and more than once; reasons are
SendGrid's words, so one that nobody knows is read as the mildest that fits. Source: SendGrid's Event Webhook
reference and its glossary of drops and blocks.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from integrations.messaging import DeliveryState

ATTEMPT = "attempt"  # our argument, repeated at the top level of every event
LONGEST_ID = 100  # of sg_event_id
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DROPS = {
    "bounced address": "dropped_bounced",
    "invalid": "dropped_invalid",
    "unsubscribed address": "dropped_unsubscribed",
    "spam reporting address": "dropped_spam_reporter",
}
_SENT, _DELIVERED = DeliveryState.SENT, DeliveryState.DELIVERED
_BOUNCED, _BLOCKED = DeliveryState.BOUNCED, DeliveryState.BLOCKED
_FAILED, _REJECTED = DeliveryState.FAILED, DeliveryState.REJECTED


class Consequence(StrEnum):
    """What an event asks of us beside the email's status."""

    NONE = ""
    SUPPRESS = "suppress"  # the mailbox takes nothing: no more emails to it, for nobody's wish
    OPT_OUT = "opt_out"  # whoever has the mailbox asked for no more
    COMPLAINT = "complaint"  # they called it spam: an opt-out that nothing lifts by itself
    OPT_IN = "opt_in"  # they took their leaving of one group back


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an event means. `state` None: it says nothing of the delivery."""

    state: DeliveryState | None
    meaning: str
    consequence: Consequence = Consequence.NONE
    spam: bool = False  # Spam Reported: delivered, with a flag


EVENTS: dict[str, Verdict] = {
    "processed": Verdict(_SENT, "SendGrid took the email"),
    "deferred": Verdict(_SENT, "The mail server asked to wait; SendGrid tries for 72 hours"),
    "delivered": Verdict(_DELIVERED, "The mail server took the email"),
    "bounce": Verdict(_BOUNCED, "The mail server refused the mailbox", Consequence.SUPPRESS),
    "blocked": Verdict(_BLOCKED, "The mail server refused the email"),
    "dropped_bounced": Verdict(
        _FAILED, "Not sent: the mailbox had bounced at SendGrid before", Consequence.SUPPRESS
    ),
    "dropped_invalid": Verdict(_FAILED, "Not sent: the mailbox’s address is not valid", Consequence.SUPPRESS),
    "dropped_unsubscribed": Verdict(
        _REJECTED, "Not sent: the person has unsubscribed at SendGrid", Consequence.OPT_OUT
    ),
    "dropped_spam_reporter": Verdict(
        _REJECTED, "Not sent: the person has reported our emails as spam", Consequence.COMPLAINT
    ),
    "dropped_spam_content": Verdict(_REJECTED, "Not sent: SendGrid took its words for spam"),
    "dropped": Verdict(_REJECTED, "Not sent: SendGrid refused the email"),
    "spamreport": Verdict(_DELIVERED, "Delivered, and reported as spam", Consequence.COMPLAINT, spam=True),
    "unsubscribe": Verdict(None, "Unsubscribed", Consequence.OPT_OUT),
    "group_unsubscribe": Verdict(None, "Unsubscribed from a group of emails", Consequence.OPT_OUT),
    "group_resubscribe": Verdict(None, "Subscribed to a group of emails again", Consequence.OPT_IN),
    # Kept, and no more: machines open mails, and clicks are counted by our own links.
    "open": Verdict(None, "Opened, by a person or a machine"),
    "click": Verdict(None, "A link was followed"),
}
SAID: dict[str, str] = {
    "bounce": "bounce, type bounce",
    "blocked": "bounce, type blocked",
    "dropped_bounced": "dropped: Bounced Address",
    "dropped_invalid": "dropped: Invalid",
    "dropped_unsubscribed": "dropped: Unsubscribed Address",
    "dropped_spam_reporter": "dropped: Spam Reporting Address",
    "dropped_spam_content": "dropped: Spam Content",
    "dropped": "dropped, for any other reason",
}
"""What SendGrid calls it, where that is not the code itself."""
UNKNOWN = Verdict(None, "An event that nobody knows yet")
"""By code: the event's name, with what tells kinds of one event apart."""


def code_of(event: str, *, type_: str = "", reason: str = "", status: str = "") -> str:
    """The code, a key of EVENTS, of an event; its name where that is unknown. `status` may be missing."""
    name = event.strip().lower()
    if name == "bounce":
        if type_.strip().lower() == "bounce":
            return "bounce"
        # Without a type, only an enhanced status that speaks of the mailbox may cost somebody their emails.
        return "bounce" if not type_ and status.startswith(("5.1.", "550 5.1.")) else "blocked"
    if name == "blocked":
        return "blocked"
    if name == "dropped":
        why = reason.strip().lower()  # of its spam checker it says more behind these words
        return "dropped_spam_content" if why.startswith("spam content") else _DROPS.get(why, "dropped")
    return name


def verdict_of(code: str) -> Verdict:
    """What a code means."""
    return EVENTS.get(code, UNKNOWN)


def words(code: str, reason: str) -> str:
    """The reason as people read it: ours, with SendGrid's in brackets where that says more."""
    meaning = verdict_of(code).meaning
    said = " ".join(reason.split())
    return f"{meaning} ({said})" if said and said.lower() not in _DROPS else meaning


def attempt_in(message_id: str) -> str:
    """The attempt that a Message-ID of ours, `<attempt@domain>`, names; "" in anybody else's."""
    found = _UUID.match(message_id.strip().lstrip("<").lower())
    return found.group() if found else ""


def is_attempt(value: str) -> bool:
    """Whether this can be an attempt's id."""
    return _UUID.fullmatch(value) is not None


def request_of(sg_message_id: str) -> str:
    """What SendGrid answered the request with: the part of `sg_message_id` before the first point."""
    return sg_message_id.partition(".")[0]


def split(body: bytes) -> list[dict[str, Any]]:
    """The events of a verified batch. Raises ValueError where it is no list of objects."""
    told = json.loads(body)
    if isinstance(told, dict):
        told = [told]
    if not isinstance(told, list) or not all(isinstance(event, dict) for event in told):
        raise ValueError("not a list of events")
    return told


def event_id(event: Mapping[str, Any]) -> str:
    """Under which an event is kept once: SendGrid's own id, or a digest of all it says."""
    own = event.get("sg_event_id")
    if isinstance(own, str) and 0 < len(own) <= LONGEST_ID and "\0" not in own:
        return own
    return hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()


def categories(event: Mapping[str, Any]) -> list[str]:
    """The categories of an event, which come as one string or as several."""
    found = event.get("category")
    given: Iterable[Any] = found if isinstance(found, list) else [found] if found else []
    return [str(each) for each in given]
