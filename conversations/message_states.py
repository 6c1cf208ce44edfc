"""What a message is said to be, and what is said in it before it is written: for the lines of a thread."""

from datetime import datetime

from django.utils import timezone

from common.spoken import ENGLISH
from conversations import rendering, variants
from conversations.models import Message, MessageTemplate

State = Message.State

STATES = {
    State.QUEUED: "Queued",
    State.CALLING: "Sending",
    State.ACCEPTED: "Sent",
    State.SENT: "Sent",
    State.DELIVERED: "Delivered",
    State.FAILED: "Failed",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired, not sent in time",
    State.BOUNCED: "Bounced",
    State.BLOCKED: "Blocked",
    State.CANCELLED: "Cancelled, not sent",
    State.UNKNOWN: "Delivery unknown",
    State.RECEIVED: "",
}
TROUBLE = {State.FAILED, State.REJECTED, State.EXPIRED, State.BOUNCED, State.BLOCKED, State.UNKNOWN}
_EXPLAINED = TROUBLE | {State.CANCELLED}
ICONS = {
    State.QUEUED: "clock",
    State.CALLING: "send",
    State.ACCEPTED: "check",
    State.SENT: "check",
    State.DELIVERED: "check-check",
    State.CANCELLED: "ban",
    State.UNKNOWN: "circle-help",
    State.RECEIVED: "",
}


def hour(moment: datetime) -> str:
    """“9:40 pm”, in the zone the moment carries."""
    return f"{moment.hour % 12 or 12}:{moment:%M} {'am' if moment.hour < 12 else 'pm'}"


def subject(message: Message) -> str:
    """An email's subject, as it was or will be; nothing for a text."""
    if message.mailbox_id is None or message.subject is not None or message.template is None:
        return message.subject or ""
    words = _words_for(message, message.template)
    try:
        return rendering.render_line(words.subject, message.variables or {}, words.language)
    except rendering.MergeFieldMissing:
        return words.subject


def as_it_will_be(message: Message) -> str:
    """The words of a campaign text that is not written yet; as its template has them where a field lacks."""
    if message.template is None:
        return ""
    words = _words_for(message, message.template)
    try:
        return rendering.render(words.body, message.variables or {}, words.language)
    except rendering.MergeFieldMissing:
        return words.body


def _words_for(message: Message, template: MessageTemplate) -> variants.Words:
    return variants.of_template(template, message.contact.language if message.contact else ENGLISH)


def status(message: Message) -> str:
    """What became of a message, with the reason, and when it goes on."""
    words = STATES[State(message.state)]
    if message.state in _EXPLAINED and (message.reason or message.code):
        return f"{words}: {message.reason or _words(message.code)}{_again(message)}"
    if message.state == State.QUEUED and message.due_at and message.due_at > message.state_at:
        due = timezone.localtime(message.due_at)
        return f"{words}, not before {due:%b} {due.day}, {hour(due)}"
    return words


def _again(message: Message) -> str:
    """That it is tried once more, and when."""
    known = "second_try" in message._state.fields_cache  # else it would be asked for message by message
    planned = getattr(message, "second_try", None) if known else None
    if planned is None or planned.done_at is not None:
        return ""
    due = timezone.localtime(planned.due_at)
    return f"; sent once more after {due:%b} {due.day}, {hour(due)}"


def _words(code: str) -> str:
    return code.replace("_", " ")
