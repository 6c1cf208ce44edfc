"""Why steps and passages ended as they did, in the words people read. What keeps somebody out at entry has
its words in `campaigns.words`."""

from campaigns import words
from campaigns.models import Node
from conversations.remedies import CODES

REASONS = {  # of steps and enrollments
    "finished": "Came to the end",
    "too_late": "Too late: not sent by its last moment",
    "campaign_stopped": "The campaign was stopped",
    "error": "Could not be moved on; nothing was sent",
    "went_round_too_often": "Came to one step a hundred times",
    "source_unreachable": "ServiceTitan could not be asked about them, twice two hours apart",
    "left_audience": "No longer matches the audience",
    "replied": "Replied",
    "merge_field_missing": "Something that its words need is not known of this customer",
    "delivery_unknown": "The provider never said whether it took the message",
    "hung_up": "One of your people ended the call before anybody answered",
    "no_email_sender": "There was no mailbox to send emails from",
}
EMAIL_REASONS = {  # of steps that send emails, where those of texts say something else
    "no_address": "No email address",
    "opted_out": "This mailbox has opted out",
    "unreachable": "The mailbox is known to be unreachable",
    "failed:invalid_recipient": "Failed: the mailbox’s address is not valid",
    "rejected:bad_sender": "Rejected: SendGrid does not let our mailbox send",
    "rejected:unauthorised": "Rejected: SendGrid refused our key",
}


def why_of(reason: str, kind: str = "") -> str:
    """The reason of a step at a node of this kind, or of a passage's end, for people."""
    of_email = kind == Node.Kind.SEND_EMAIL and EMAIL_REASONS.get(reason)
    return of_email or _why(reason)


def _why(reason: str) -> str:
    return REASONS.get(reason) or _of_code(reason) or (words.exclusion(reason) if reason else "")


def _of_code(reason: str) -> str:
    """What a provider’s code means: “Failed: the handset is off or out of reach”."""
    state, _, code = reason.partition(":")
    meaning = CODES[code][0] if code in CODES else ""
    return f"{state.capitalize()}: {meaning[:1].lower()}{meaning[1:]}" if meaning else ""
