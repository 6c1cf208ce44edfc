"""Calls as lines of a thread and as moments of a contact: who called, what came of it, where it is heard."""

from collections.abc import Collection, Iterable

from django.db.models import QuerySet
from django.urls import reverse

from audiences.contact_timeline import Moment
from audiences.models import Contact
from common.phone import display_phone
from common.stamps import stamped
from conversations import call_states
from conversations.models import Call, Thread
from conversations.timeline_sources import Link

_READ = ("by", "contact", "planned__lane", "address", "number")
NAMES = ("by__name", "by__email", "contact__name", "planned__lane__name", "planned__kind", "planned__mode")


def of_thread(thread: Thread, limit: int) -> QuerySet[Call]:
    """The latest calls with this contact on this phone."""
    found = Call.objects.filter(contact=thread.contact_id, address=thread.address_id)
    return _shown(found).order_by("-created_at", "-pk")[:limit]


def of_contact(contact: Contact) -> QuerySet[Call]:
    """All calls with this contact."""
    return _shown(Call.objects.filter(contact=contact))


def _shown(found: QuerySet[Call]) -> QuerySet[Call]:
    """Without tries that were proven not taken: they are placed again as the same try."""
    return found.exclude(state=Call.State.REFUSED).select_related(*_READ)


def stamps(thread: Thread, limit: int) -> QuerySet[Call]:
    """Whatever changes what is told of them changes this."""
    return stamped(of_thread(thread, limit), *NAMES)


def missed(call: Call) -> bool:
    """Whether a customer called and nobody took it."""
    return call.direction == Call.Direction.IN and call.connected_at is None and call.state not in Call.LIVE


def missed_of(threads: Collection[Thread]) -> dict[int, Call]:
    """Thread → the customer's latest call in it, where nobody took that one. One query, none for nothing."""
    if not threads:
        return {}
    theirs = Call.objects.filter(
        direction=Call.Direction.IN,
        contact__in=[thread.contact_id for thread in threads],
        address__in=[thread.address_id for thread in threads],
    )
    latest = theirs.order_by("address", "contact", "-created_at", "-pk").distinct("address", "contact")
    found = {(call.contact_id, call.address_id): call for call in latest if missed(call)}
    places = {thread.pk: (thread.contact_id, thread.address_id) for thread in threads}
    return {pk: found[place] for pk, place in places.items() if place in found}


def missed_words(call: Call) -> str:
    """What stands for a missed call in a list of what was said last."""
    return "Missed call, voicemail" if call.recording_id else "Missed call"


def who(call: Call) -> str:
    """Who called."""
    if call.direction == Call.Direction.IN:
        return call.contact.name if call.contact else "The customer"
    if call.planned is not None and call.planned.mode == "script":
        return "A recording"
    return str(call.by or "An agent")


def words(call: Call) -> str:
    """What happened, without who called: “called for Fall tune-up: answered, 1 min 5 s”."""
    if missed(call):
        return "called, and nobody took it"
    told = [call_states.of_call(call).word.lower(), call_states.lasted(call.seconds)]
    if call.direction == Call.Direction.IN:
        told.append(f"with {call.by}" if call.by and call.connected_at else "")
        return f"called: {', '.join(filter(None, told))}"
    planned = call.planned
    if planned is not None and planned.kind == "campaign":
        return f"called for {planned.lane.name}: {', '.join(filter(None, told))}"
    asked = ", as they had asked" if planned is not None and planned.kind == "call_back" else ""
    return f"called{asked}: {', '.join(filter(None, told))}"


def besides(call: Call) -> str:
    """What else is known of it: the agent’s note, an opt-out, that it was abandoned, why it failed."""
    told = (
        "opted out by pressing 9" if call.opted_out_at else "",
        "abandoned: nobody spoke for 2 seconds" if call.abandoned_at else "",
        f"“{call.note}”" if call.note else "",
        call.reason,
    )
    return " · ".join(filter(None, told))


def sound(call: Call) -> Link | None:
    """Where its recording, or the customer’s voicemail, is heard."""
    if not call.recording_id:
        return None
    where = reverse("conversations:recording", args=[call.pk])
    length = call_states.lasted(call.recording_seconds)
    what = "Voicemail" if call.connected_at is None else "Recording"
    return Link(f"{what}, {length}" if length else what, where)


def icon(call: Call) -> str:
    """Its drawing."""
    if missed(call):
        return "phone-off"
    return "phone-incoming" if call.direction == Call.Direction.IN else "phone-outgoing"


def told(rows: list[Call]) -> Iterable[Moment]:
    """Calls as moments of a contact; each leads to its thread, where there is one."""
    pairs = {(row.contact_id, row.address_id) for row in rows}
    threads: dict[tuple[int | None, int], int] = {
        (contact, address): pk
        for pk, contact, address in Thread.objects.filter(
            contact__in={contact for contact, _ in pairs}, address__in={address for _, address in pairs}
        ).values_list("pk", "contact", "address")
    }
    for row in rows:
        heard, thread = sound(row), threads.get((row.contact_id, row.address_id))
        link, text = ("", "") if thread is None else (_thread(thread), "Open thread")
        if heard is not None:
            link, text = heard.url, heard.text
        yield Moment(
            at=row.created_at,
            icon=icon(row),
            text=f"{who(row)} {words(row)}",
            body=row.note,
            note=" · ".join(filter(None, (display_phone(row.address.value), row.reason))),
            tone="bad" if missed(row) else "",
            side="in" if row.direction == Call.Direction.IN else "out",
            link=link,
            link_text=text,
        )


def _thread(pk: int) -> str:
    return reverse("conversations:thread", args=[pk])
