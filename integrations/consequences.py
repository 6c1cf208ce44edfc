"""What a refusal leads to, in the words of people: the other half of the adapters' tables of codes.

`conversations/remedies.py` does what is said here; the page of sending problems shows it code by code.
"""

from dataclasses import dataclass

from integrations.messaging import DeliveryState, Remedy
from integrations.sendgrid import errors as sendgrid_errors
from integrations.sendgrid import events
from integrations.sendgrid.events import Consequence
from integrations.twilio import errors as twilio_errors

MEANS: dict[Remedy, str] = {
    Remedy.NONE: "Nothing more is tried.",
    Remedy.RETRY_LATER: "It stays queued and is tried again ever more slowly, until it is too late.",
    Remedy.NUMBER_INVALID: "The phone is marked as not existing: nothing goes there any more.",
    Remedy.NO_TEXTS: "The phone is marked as taking no texts. A call may still reach it.",
    Remedy.MAILBOX_INVALID: "The mailbox is marked as not existing: no email goes there any more.",
    Remedy.OPTED_OUT: "The opt-out is recorded here, too: nothing automatic goes there any more.",
    Remedy.REVIEW_CONTENT: "The dashboard asks somebody to look at the words.",
    Remedy.STOP_NUMBER: "The sending number stops. An admin resumes it once the cause is mended.",
    Remedy.STOP_ACCOUNT: "All senders of this provider account stop until an admin has mended it.",
    Remedy.FIX_SETTINGS: "The dashboard asks an admin to change a setting at the provider.",
    Remedy.REPORT_BUG: "A fault of ours: the dashboard names the code to report.",
    Remedy.INACTIVE: "The second time, the phone is marked as no longer in use and gets no more texts.",
    Remedy.ONCE_MORE: "It is sent once more, inside its send-by time and the lawful hours.",
    Remedy.AS_SMS: "It is sent once more without its pictures, where the workflow wants that.",
    Remedy.NEXT_DAY: "The number rests until the carrier’s next day, and the text is sent once more then.",
    Remedy.HOLD: "Campaigns leave this person alone for half an hour; then it is sent once more.",
    Remedy.STOP_CONVERSATION: "Automatic texts to this person stop, and the thread asks for a person.",
    Remedy.CHECK_CALLS: "It is taken for the one that was answered, else for the first. No other is placed.",
}

ASKS: dict[Remedy, str] = {
    Remedy.REVIEW_CONTENT: "Look at the words of the text: carriers take it for unwanted.",
    Remedy.FIX_SETTINGS: "An admin has to change a setting at the provider.",
    Remedy.REPORT_BUG: "This is a fault of ours: please report it with the code.",
    Remedy.STOP_NUMBER: "The sending number rests until an admin has mended it and resumes it.",
    Remedy.STOP_ACCOUNT: "All senders of this provider account rest until an admin has mended it.",
    Remedy.CHECK_CALLS: "Nothing was placed again. The calls it concerns say so on their contact’s page: "
    "compare them with the provider’s own log.",
}
"""What somebody is asked to do, where a code asks for a person."""

NEWS_MEANS: dict[Consequence, str] = {
    Consequence.NONE: "Nothing more is done: later emails go to this mailbox as before.",
    Consequence.SUPPRESS: MEANS[Remedy.MAILBOX_INVALID],
    Consequence.OPT_OUT: "The opt-out is recorded here, too: no automatic email goes there any more.",
    Consequence.COMPLAINT: "An opt-out is recorded that coming back to a group does not lift: "
    "no automatic email goes there any more.",
    Consequence.OPT_IN: "The opt-out that leaving this group began is lifted, unless they asked for no more "
    "in any other way.",
}
"""What news of an email leads to, beside its status."""

_STATES = {
    DeliveryState.FAILED: "Failed",
    DeliveryState.REJECTED: "Rejected",
    DeliveryState.EXPIRED: "Expired",
    DeliveryState.SENT: "Sent",
    DeliveryState.DELIVERED: "Delivered",
    DeliveryState.BOUNCED: "Bounced",
    DeliveryState.BLOCKED: "Blocked",
    None: "Stays queued",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: codes with the same meaning and consequence stand in lines of their own."""

    code: str
    meaning: str
    status: str
    consequence: str
    again: str = ""  # when the second try comes, where one does
    said: str = ""  # what SendGrid says when it means this


def table() -> list[Row]:
    """Every code of a text provider that is known, in the order of its meaning."""
    return [
        Row(code, one.meaning, _STATES[one.state], MEANS[one.remedy], _again(one))
        for code, one in twilio_errors.CODES.items()
    ]


def calls() -> list[Row]:
    """As `table`, of calls; then what carriers say of phones."""
    known = [
        Row(code, one.meaning, _STATES[one.state], MEANS[one.remedy])
        for code, one in twilio_errors.CALL_CODES.items()
    ]
    carriers = f"sip_{', sip_'.join(twilio_errors.SIP_NO_SUCH_PHONE)}"
    return [*known, Row(carriers, "The carrier knows no such phone", "Failed", MEANS[Remedy.NONE])]


def emails() -> list[Row]:
    """All that SendGrid says of emails: refused requests, then events."""
    refused = [
        Row(code, one.meaning, _STATES[one.state], MEANS[one.remedy], said=sendgrid_errors.SAID[code])
        for code, one in sendgrid_errors.CODES.items()
    ]
    late = Row(
        "too_late", "Its time to send was over before the provider took it", "Expired",
        MEANS[Remedy.NONE], said="nothing: it was not asked",
    )  # fmt: skip
    told = [
        Row(code, one.meaning, _told(one), NEWS_MEANS[one.consequence], said=events.SAID.get(code, code))
        for code, one in events.EVENTS.items()
    ]
    return [*refused, late, *told]


def _told(verdict: events.Verdict) -> str:
    if verdict.spam:
        return "Spam reported"
    return _STATES[verdict.state] if verdict.state else "As it was"


def _again(verdict: twilio_errors.Verdict) -> str:
    if verdict.remedy == Remedy.NEXT_DAY:
        return "the next day"
    if verdict.again_after is None:
        return ""
    minutes = int(verdict.again_after.total_seconds() // 60)
    if not minutes:
        return "at once"
    return f"after {minutes} minutes" if minutes < 60 else f"after {minutes // 60} hours"
