"""Everything said with one contact on one address, what became of it, and what happened around it.

The emails that campaigns sent the contact stand among the texts: whoever answers knows what was said.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from accounts.models import AuditEntry
from audiences.models import Address, OptOut
from common.stamps import stamped
from conversations import (
    calls_told,
    files_shown,
    footers,
    mail_wishes,
    message_states,
    reading_words,
    timeline_sources,
)
from conversations.message_states import ICONS, TROUBLE, hour
from conversations.models import Call, Footer, Message, Note, ReceivedMedia, Thread
from conversations.timeline_sources import Happening, Link

LATEST, LONGEST = 100, 500  # messages shown at first, and when the earlier ones are asked for
TOGETHER = timedelta(minutes=5)  # what one side says within this time stands together
State = Message.State

_ACTS = {
    "closed_thread": "circle-check",
    "reopened_thread": "rotate-ccw",
    "assigned_thread": "user-check",
    "escalated_thread": "flag",
    "marked_wrong_number": "phone-off",
    "unmarked_wrong_number": "rotate-ccw",
}
SOURCES = {
    OptOut.Source.TEXT: "by text",
    OptOut.Source.PROVIDER: "found at the carrier",
    OptOut.Source.AGENT: "recorded by an agent",
    OptOut.Source.IMPORTED: "imported",
    OptOut.Source.EMAIL: "by email",
    OptOut.Source.PHONE: "by pressing 9 on a call",
    OptOut.Source.PAGE: "by the link in an email",
}


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `direction` is in, out, note, or event for what nobody said.

    `day` is set where a new day begins; `first` and `last` in a group of what one side said at a stretch.
    """

    key: str
    at: datetime
    direction: str
    who: str
    body: str
    status: str = ""
    icon: str = ""
    trouble: bool = False
    settled: bool = True  # nothing more is expected to happen to it
    reading: str = ""
    reading_id: int = 0
    origin: Link | None = None
    after: str = ""
    day: str = ""
    first: bool = True
    last: bool = True
    theirs: str = ""  # the customer's hour, where it is another than ours
    subject: str = ""  # of an email
    to: str = ""  # the mailbox it went to
    files: tuple[files_shown.Shown, ...] = ()
    sender: str = ""  # the mailbox it came from
    whole: str = ""  # of an email to us, where more was quoted or signed than is shown
    attachments: tuple[str, ...] = ()
    unproven: bool = False  # somebody else may have written it


@dataclass(frozen=True)
class Timeline:
    """The entries, oldest first; `cut` where there are earlier messages than these."""

    entries: list[Entry]
    cut: bool


@dataclass(frozen=True)
class OptedOut:
    """The wish in force: who, when, how and in which words."""

    at: datetime
    who: str
    how: str
    words: str


def of(thread: Thread, *, now: datetime, zone: ZoneInfo | None = None, limit: int = LATEST) -> Timeline:
    """What is shown of a thread: its latest messages, and everything else since the first of them.

    `zone` is the customer's, given where entries should say the hour there, too.
    """
    rows = list(_messages(thread, limit))
    messages = _addressed(rows[:limit], thread)
    cut = len(rows) > limit
    origins = timeline_sources.origins(messages)
    files = files_shown.of(messages)
    found = [
        replace(entry_of(message, origins.get(message.pk)), files=files.get(message.pk, ()))
        for message in messages
    ]
    found = _with_footer(found, messages, thread, now)
    others = [*_calls(thread, limit), *_notes(thread, limit), *_acts(thread, limit), *_wishes(thread)]
    others += [_of_happening(happening) for happening in timeline_sources.happenings(thread)]
    begin = min((entry.at for entry in found), default=None) if cut else None
    found += [entry for entry in others if begin is None or entry.at >= begin]
    found.sort(
        key=lambda entry: (entry.at, entry.direction == "event", entry.key)
    )  # words, then what followed
    if zone:
        found = [replace(entry, theirs=hour(entry.at.astimezone(zone))) for entry in found]
    return Timeline(_laid_out(found, now), cut)


def _with_footer(entries: list[Entry], messages: list[Message], thread: Thread, now: datetime) -> list[Entry]:
    """The next automated text that is not written yet ends with the opt-out line, where that is owed."""
    unwritten = [
        one.pk for one in messages if one.body is None and one.state == State.QUEUED and one.number_id
    ]
    line = footers.owed(thread, now) if unwritten else ""
    if not line:
        return entries
    key = f"message-{min(unwritten)}"
    return [
        replace(one, body=footers.with_footer(one.body, line)) if one.key == key else one for one in entries
    ]


def stamps(thread: Thread, limit: int) -> list[QuerySet[Any]]:
    """Whatever changes what `of` and `opted_out` say, but for the hour, changes these (`common.stamps`)."""
    person = ("by__name", "by__email")
    words = (
        *("lane__name", "template__body", "template__subject", "reading__label", "reading__outcome"),
        *("template__content", "contact__name", "contact__language", "address__value"),
        *("second_try__due_at", "second_try__done_at", "email__unproven"),
    )
    return [
        stamped(_messages(thread, limit), *words, *person),
        stamped(_came_with(thread), "file__sha256"),
        calls_told.stamps(thread, limit),
        stamped(_note_rows(thread, limit), *person),
        stamped(_act_rows(thread, limit), *person),
        stamped(_wish_rows(thread), "contact__name", "lifted_by__name", "lifted_by__email", *person),
        stamped(Footer.objects.filter(account=thread.account_id)),
    ]


def _messages(thread: Thread, limit: int) -> QuerySet[Message]:
    """The latest messages, and one more where there are earlier ones: those of the phone, and emails."""
    here = Q(address_id=thread.address_id) | Q(mailbox__isnull=False)
    return (
        Message.objects.filter(here, contact_id=thread.contact_id)
        .select_related("lane", "by", "template", "reading", "second_try", "email")
        .order_by("-created_at", "-pk")[: limit + 1]
    )


def _addressed(messages: list[Message], thread: Thread) -> list[Message]:
    """The same, knowing contact and address, which are the thread's but for emails: a hundred times the same
    rows need not be read."""
    emails = {one.address_id for one in messages} - {thread.address_id}
    addresses = {thread.address_id: thread.address} | (Address.objects.in_bulk(emails) if emails else {})
    for message in messages:
        message.contact, message.address = thread.contact, addresses[message.address_id]
    return messages


def _came_with(thread: Thread) -> QuerySet[ReceivedMedia]:
    """What came with texts of this thread: it is fetched after them."""
    return ReceivedMedia.objects.filter(
        message__contact=thread.contact_id, message__address=thread.address_id
    ).order_by("pk")


def _note_rows(thread: Thread, limit: int) -> QuerySet[Note]:
    return thread.notes.select_related("by").order_by("-at", "-pk")[:limit]


def _act_rows(thread: Thread, limit: int) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.about(thread).filter(verb__in=_ACTS).newest()[:limit]


def _wish_rows(thread: Thread) -> QuerySet[OptOut]:
    wishes = OptOut.objects.filter(address_id=thread.address_id)
    return wishes.select_related("by", "lifted_by", "contact")


def _laid_out(entries: list[Entry], now: datetime) -> list[Entry]:
    """The same entries, knowing where days begin and which stand together."""
    laid: list[Entry] = []
    today = timezone.localtime(now).date()
    day = None
    for entry in entries:
        own = timezone.localtime(entry.at).date()
        words = "" if own == day else _day_words(own, today)
        before = laid[-1] if laid and not words else None
        joins = (
            before is not None
            and entry.direction != "event"
            and (before.direction, before.who, before.origin) == (entry.direction, entry.who, entry.origin)
            and not (before.subject or entry.subject)
            and entry.at - before.at < TOGETHER
        )
        if joins:
            laid[-1] = replace(laid[-1], last=False)
        laid.append(replace(entry, day=words, first=not joins))
        day = own
    return laid


def _day_words(day: date, today: date) -> str:
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A}, {day:%B} {day.day}" + ("" if day.year == today.year else f", {day.year}")


def _calls(thread: Thread, limit: int) -> list[Entry]:
    """Calls with the contact on this phone, with what was noted of them and where they are heard."""
    return [
        Entry(
            f"call-{call.pk}", call.created_at, "event", calls_told.who(call), calls_told.words(call),
            icon=calls_told.icon(call), trouble=calls_told.missed(call), origin=calls_told.sound(call),
            after=calls_told.besides(call), settled=call.state not in Call.LIVE,
        )
        for call in calls_told.of_thread(thread, limit)
    ]  # fmt: skip


def _notes(thread: Thread, limit: int) -> list[Entry]:
    return [
        Entry(f"note-{note.pk}", note.at, "note", str(note.by or "Somebody who left"), note.body)
        for note in _note_rows(thread, limit)
    ]


def _acts(thread: Thread, limit: int) -> list[Entry]:
    """What colleagues did with the thread, as the audit log has it."""
    return [
        Entry(
            f"act-{act.pk}", act.at, "event", str(act.by or "Truckroll"),
            _act_words(act), icon=_ACTS[act.verb], after=str(act.detail.get("reason", "")),
        )
        for act in _act_rows(thread, limit)
    ]  # fmt: skip


def _act_words(act: AuditEntry) -> str:
    """The log's sentence; the thread itself says with whom."""
    words = {"closed_thread": "closed the thread", "reopened_thread": "reopened the thread"}
    if act.verb == "escalated_thread":
        return "escalated the thread:"
    return words.get(act.verb) or act.summary[:1].lower() + act.summary[1:]


def _wishes(thread: Thread) -> list[Entry]:
    """Opt-outs of this phone, and their end."""
    found = []
    for wish in _wish_rows(thread):
        how = how_of(wish)
        found.append(
            Entry(f"wish-{wish.pk}", wish.at, "event", "", f"Opted out, {how}", icon="ban", trouble=True)
        )
        if wish.lifted_at:
            by, how = _lifted(wish)
            found.append(Entry(f"wish-{wish.pk}-end", wish.lifted_at, "event", by, how, icon="check"))
    return found


def _lifted(wish: OptOut) -> tuple[str, str]:
    """Who ended an opt-out (nobody: the customer did) and how."""
    if wish.lifted_by:
        return str(
            wish.lifted_by
        ), f"undid the opt-out and has the customer’s words: “{wish.lifted_evidence}”"
    if wish.channel == Address.Channel.EMAIL:
        return "", f"Opted in again: {wish.lifted_evidence}"
    return "", f"Opted in again by writing {wish.lifted_evidence.strip() or 'START'}"


def _of_happening(happening: Happening) -> Entry:
    return Entry(
        happening.key, happening.at, "event", "", happening.text, icon=happening.icon, origin=happening.link,
        after=happening.after,
    )  # fmt: skip


def opted_out(thread: Thread) -> OptedOut | None:
    """The opt-out in force at the thread's address, or None."""
    row = _wish_rows(thread).filter(lifted_at=None).first()
    if row is None:
        return None
    who = str(row.by) if row.by else (row.contact.name if row.contact else "The customer")
    return OptedOut(row.at, who, how_of(row), row.evidence)


def how_of(wish: OptOut) -> str:
    """How somebody opted out, in words."""
    if wish.channel == "email":
        if mail_wishes.is_complaint(wish):
            return "by reporting an email as spam"
        if wish.source == OptOut.Source.PROVIDER:
            return "found at SendGrid"
    return SOURCES.get(OptOut.Source(wish.source), wish.source)


def entry_of(message: Message, origin: Link | None) -> Entry:
    """The line of one message; `origin` is where it came from."""
    inbound = message.kind == Message.Kind.INBOUND
    reading = getattr(message, "reading", None)
    return Entry(
        key=f"message-{message.pk}",
        at=message.created_at,
        direction="in" if inbound else "out",
        who=_who(message),
        body=message.body if message.body is not None else message_states.as_it_will_be(message),
        status=message_states.status(message),
        icon="triangle-alert" if message.state in TROUBLE - {State.UNKNOWN} else ICONS[State(message.state)],
        trouble=message.state in TROUBLE,
        settled=message.state in (State.DELIVERED, State.RECEIVED),
        origin=origin,
        reading=reading_words.of(reading, message.body or "") if reading else "",
        reading_id=reading.pk if reading else 0,
        subject=message_states.subject(message),
        to=message.address.value if message.mailbox_id and not inbound else "",
        sender=message.address.value if message.mailbox_id and inbound else "",
        **_of_email(message),
    )


def _of_email(message: Message) -> dict[str, Any]:
    """What is shown of an email to us beside its words."""
    email = getattr(message, "email", None)
    if email is None:
        return {}
    shown = message.body or ""
    return {
        "whole": email.whole.strip() if email.whole.strip() != shown.strip() else "",
        "attachments": tuple(_attachment(each) for each in email.attachments),
        "unproven": email.unproven,
    }


def _attachment(each: dict[str, Any]) -> str:
    size = int(each.get("size") or 0)
    about = f" ({filesizeformat(size)})" if size else ""
    return f"{each.get('name') or each.get('type') or 'A file'}{about}"


def _who(message: Message) -> str:
    if message.kind == Message.Kind.INBOUND:
        return message.contact.name if message.contact else "Customer"
    if message.kind == Message.Kind.AGENT:
        return str(message.by or "An agent")
    if message.kind == Message.Kind.AUTOMATIC:
        return "Automatic answer"
    return f"Campaign {message.lane.name}" if message.lane else "Campaign"
