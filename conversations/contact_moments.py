"""What conversations add to a contact's timeline: everything said and sent, notes, acts of colleagues."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import AuditEntry
from audiences.contact_timeline import Moment, Source, register
from audiences.models import Contact
from common.phone import display_phone
from conversations import calls_told, timeline, timeline_sources
from conversations.models import Message, Note, Thread

_OF_WISHES = ("opted_out", "opted_in")  # the wish itself is told
_ICONS = {"in": "message-circle-reply", "out": "message-square"}


def _messages(contact: Contact) -> QuerySet[Message]:
    return Message.objects.filter(contact=contact).select_related(
        "lane", "by", "template", "reading", "contact", "address", "email"
    )


def _said(rows: list[Message]) -> Iterable[Moment]:
    """Texts and emails; each leads to its thread, where there is one."""
    origins = timeline_sources.origins(rows)
    threads: dict[tuple[int | None, int], int] = {
        (contact, address): pk
        for pk, contact, address in Thread.objects.filter(
            contact__in={row.contact_id for row in rows}, address__in={row.address_id for row in rows}
        ).values_list("pk", "contact", "address")
    }
    for row in rows:
        entry = timeline.entry_of(row, None)
        origin = origins.get(row.pk)
        thread = threads.get((row.contact_id, row.address_id))
        where = row.address.value
        who = "" if origin or entry.direction == "in" else entry.who
        ways = [who, display_phone(where) if where.startswith("+") else where]
        if entry.reading:
            ways.append(f"read as {entry.reading}")
        text = "Email" if row.mailbox_id else "Text"
        link, link_text = (
            (reverse("conversations:thread", args=[thread]), "Open thread") if thread else ("", "")
        )
        if origin is not None:
            link, link_text = (link or origin.url), (link_text or "Campaign")
            ways.insert(0, origin.text)
        yield Moment(
            at=row.created_at,
            icon="mail" if row.mailbox_id else _ICONS[entry.direction],
            text=f"{text} from {row.contact}" if entry.direction == "in" else f"{text} · {entry.status}",
            body="\n".join(filter(None, (entry.subject, entry.body))),
            note=" · ".join(filter(None, ways)),
            tone="bad" if entry.trouble else "",
            side=entry.direction,
            link=link,
            link_text=link_text,
        )


def _notes(contact: Contact) -> QuerySet[Note]:
    return Note.objects.filter(thread__contact=contact).select_related("by")


def _noted(rows: list[Note]) -> Iterable[Moment]:
    for note in rows:
        link = reverse("conversations:thread", args=[note.thread_id])
        yield Moment(
            note.at, "sticky-note", "Note for colleagues", note.body, f"by {note.by or 'somebody who left'}",
            link=link, link_text="Open thread",
        )  # fmt: skip


def _acts(contact: Contact) -> QuerySet[AuditEntry]:
    threads = [str(pk) for pk in Thread.objects.filter(contact=contact).values_list("pk", flat=True)]
    acts = AuditEntry.objects.filter(object_kind=Thread._meta.label_lower, object_id__in=threads)
    return acts.exclude(verb__in=_OF_WISHES).select_related("by")


def _acted(rows: list[AuditEntry]) -> Iterable[Moment]:
    for act in rows:
        link = reverse("conversations:thread", args=[int(act.object_id)])
        yield Moment(
            act.at, "user-check", act.summary, note=f"by {act.by or 'Truckroll'}", link=link,
            link_text="Open thread",
        )  # fmt: skip


def declare() -> None:
    """Make all of it known."""
    may = "read_conversations"
    register(
        Source("message", "messages", _messages, "created_at", _said, may),
        Source("our-call", "calls", calls_told.of_contact, "created_at", calls_told.told, may),
        Source("note", "messages", _notes, "at", _noted, may),
        Source("thread-act", "messages", _acts, "at", _acted, may),
    )
