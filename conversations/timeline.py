"""Everything said with one contact on one address, and what became of it, in words."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from audiences.models import OptOut
from conversations import rendering
from conversations.models import Message, Thread

LONGEST = 300  # messages shown; a text thread longer than this is read from its end
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
SOURCES = {
    OptOut.Source.TEXT: "by text",
    OptOut.Source.PROVIDER: "found at the carrier",
    OptOut.Source.AGENT: "recorded by an agent",
    OptOut.Source.IMPORTED: "imported",
}


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `direction` is in, out or note."""

    key: str
    at: datetime
    direction: str
    who: str
    body: str
    status: str = ""
    trouble: bool = False
    reading: str = ""


@dataclass(frozen=True)
class OptedOut:
    """The wish in force: who, when, how and in which words."""

    at: datetime
    who: str
    how: str
    words: str


def entries(thread: Thread) -> list[Entry]:
    """Messages and notes, oldest first; of a long thread its end. Two queries."""
    messages = (
        Message.objects.filter(contact_id=thread.contact_id, address_id=thread.address_id)
        .select_related("lane", "by", "template", "reading", "contact")
        .order_by("-created_at", "-pk")[:LONGEST]
    )
    notes = thread.notes.select_related("by").order_by("-at", "-pk")[:LONGEST]
    found = [_of_message(message) for message in messages]
    found += [
        Entry(f"note-{note.pk}", note.at, "note", str(note.by or "Somebody who left"), note.body)
        for note in notes
    ]
    return sorted(found, key=lambda entry: (entry.at, entry.key))


def opted_out(thread: Thread) -> OptedOut | None:
    """The opt-out in force at the thread's address, or None."""
    found = OptOut.objects.filter(address_id=thread.address_id, channel="phone", lifted_at=None)
    row = found.select_related("by", "contact").first()
    if row is None:
        return None
    who = str(row.by) if row.by else (row.contact.name if row.contact else "The customer")
    return OptedOut(row.at, who, SOURCES.get(OptOut.Source(row.source), row.source), row.evidence)


def _of_message(message: Message) -> Entry:
    inbound = message.kind == Message.Kind.INBOUND
    reading = getattr(message, "reading", None)
    return Entry(
        key=f"message-{message.pk}",
        at=message.created_at,
        direction="in" if inbound else "out",
        who=_who(message),
        body=message.body if message.body is not None else _as_it_will_be(message),
        status=_status(message),
        trouble=message.state in TROUBLE,
        reading=_words(reading.label) if reading else "",
    )


def _who(message: Message) -> str:
    if message.kind == Message.Kind.INBOUND:
        return message.contact.name if message.contact else "Customer"
    if message.kind == Message.Kind.AGENT:
        return str(message.by or "An agent")
    if message.kind == Message.Kind.AUTOMATIC:
        return "Automatic answer"
    return f"Campaign {message.lane.name}" if message.lane else "Campaign"


def _as_it_will_be(message: Message) -> str:
    """The words of a campaign text that is not written yet; as its template has them where a field lacks."""
    if message.template is None:
        return ""
    try:
        return rendering.render(message.template.body, message.variables or {})
    except rendering.MergeFieldMissing:
        return message.template.body


def _status(message: Message) -> str:
    words = STATES[State(message.state)]
    if message.state in _EXPLAINED and (message.reason or message.code):
        return f"{words}: {message.reason or _words(message.code)}"
    if message.state == State.QUEUED and message.due_at and message.due_at > message.state_at:
        due = timezone.localtime(message.due_at)
        return f"{words}, not before {due:%b} {due.day}, {due:%I:%M %p}".replace(", 0", ", ")
    return words


def _words(code: str) -> str:
    return code.replace("_", " ")
