"""What campaigns add to a thread: passages begun and ended, bookings, and which node a text came from."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from campaigns import job_creation, words
from campaigns.models import Booking, Enrollment, Step
from campaigns.nodes.base import ORIGIN
from common.stamps import stamped
from conversations.models import Message, Thread
from conversations.timeline_sources import Fact, Happening, Link, Source

LATEST = 20  # passages and bookings shown
State = Booking.State
_ANSWERS = {
    State.SENT: ("send", "The booking request went to ServiceTitan"),
    State.ACCEPTED: ("calendar-clock", "ServiceTitan took the booking request"),
    State.CONVERTED: ("calendar-check", "Booked"),
    State.DISMISSED: ("calendar-x", "The office dismissed the booking request"),
    State.FAILED: ("calendar-x", "The booking request failed"),
}


def happenings(thread: Thread) -> list[Happening]:
    """Passages of the thread's contact, and its bookings. Two queries."""
    found: list[Happening] = []
    for enrollment in _passages(thread):
        found += _of_enrollment(enrollment)
    for booking in _bookings(thread):
        found += of_booking(booking)
    return found


def stamps(thread: Thread) -> list[QuerySet[Any]]:
    """Passages and bookings, and every step of the contact: texts came from them, the open ones are facts."""
    steps = Step.objects.filter(enrollment__contact=thread.contact_id)
    return [
        stamped(_passages(thread), "campaign__name"),
        stamped(_bookings(thread), "by__name", "by__email", "job__number", "job__servicetitan_id"),
        stamped(steps, "enrollment__state", "campaign__name", "node__name"),
    ]


def origins(messages: Sequence[Message]) -> dict[int, Link]:
    """Campaign and node of every campaign text. One query."""
    steps = {
        int(message.origin.removeprefix(ORIGIN)): message.pk
        for message in messages
        if message.origin and message.origin.startswith(ORIGIN)
    }
    if not steps:
        return {}
    rows = Step.objects.filter(pk__in=steps).values_list("pk", "campaign", "campaign__name", "node__name")
    pages = {campaign: _address(campaign) for campaign in {campaign for _, campaign, _, _ in rows}}
    return {steps[pk]: Link(f"{name} · {node}", pages[campaign]) for pk, campaign, name, node in rows}


def facts(thread: Thread) -> list[Fact]:
    """The campaigns the contact is in at present, and where in each. One query."""
    open_steps = Step.objects.filter(
        enrollment__contact=thread.contact_id, enrollment__state=Enrollment.State.ACTIVE, state__in=Step.OPEN
    ).select_related("campaign", "node")
    return [
        Fact(
            "In campaign",
            Link(step.campaign.name, _address(step.campaign_id)),
            f"{step.state} at {step.node.name}",
        )
        for step in open_steps.order_by("pk")[:LATEST]
    ]


SOURCE = Source(stamps, happenings, origins, facts)


def _passages(thread: Thread) -> QuerySet[Enrollment]:
    passages = Enrollment.objects.filter(contact=thread.contact_id)
    return passages.select_related("campaign").order_by("-pk")[:LATEST]


def _bookings(thread: Thread) -> QuerySet[Booking]:
    bookings = Booking.objects.filter(contact=thread.contact_id)
    return bookings.select_related("by", "job", "account").order_by("-pk")[:LATEST]


def _of_enrollment(enrollment: Enrollment) -> list[Happening]:
    campaign = Link(enrollment.campaign.name, _address(enrollment.campaign_id))
    begun = "Entered again" if enrollment.returning else "Entered"
    found = [Happening(f"entered-{enrollment.pk}", enrollment.entered_at, "log-in", begun, campaign)]
    if enrollment.ended_at:
        why = words.sentence(enrollment.ended_reason).lower()
        found.append(
            Happening(f"left-{enrollment.pk}", enrollment.ended_at, "log-out", "Left", campaign, f"({why})")
        )
    return found


def of_booking(booking: Booking) -> list[Happening]:
    """What was asked for, then what came of it once that is known."""
    who = f" by {booking.by}" if booking.by else ""
    what = f": {booking.summary}" if booking.summary else ""
    asked = f"Booking requested{who}{what}"
    if booking.starts_at and booking.way != Booking.Way.JOB:
        asked += f", for {_window(booking)}"
    if booking.way == Booking.Way.JOB:
        asked = f"Job asked for in ServiceTitan{what}"
    elif booking.why_request:
        asked += f" (no job was created: {booking.why_request})"
    found = [Happening(f"booking-{booking.pk}", booking.requested_at, "calendar-plus", asked)]
    if booking.state in _ANSWERS:
        icon, text = _ANSWERS[State(booking.state)]
        if booking.way == Booking.Way.JOB and booking.state == State.FAILED:
            text = "The job was not created"
        if booking.servicetitan_job_id:
            text += f": job {booking.job or booking.servicetitan_job_id}"
        if booking.way == Booking.Way.JOB and booking.state == State.CONVERTED:
            text += f", {_window(booking)}. The office still has to confirm the time"
        if booking.reason:
            text += f": {booking.reason}"
        found.append(Happening(f"booking-{booking.pk}-answer", booking.state_at, icon, text))
    return found


def _window(booking: Booking) -> str:
    assert booking.starts_at and booking.ends_at  # both or neither
    return job_creation.window_words(booking.starts_at, booking.ends_at, booking.account.zone)


def _address(campaign: int) -> str:
    return reverse("analytics:campaign", args=[campaign])
