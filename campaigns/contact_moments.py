"""What campaigns add to a contact's timeline: passages begun and ended, bookings and their answers."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.urls import reverse

from audiences.contact_timeline import Moment, Source, register
from audiences.models import Contact
from campaigns import thread_entries, words
from campaigns.models import Booking, Click, Enrollment


def _passages(contact: Contact) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(contact=contact).select_related("campaign")


def _bookings(contact: Contact) -> QuerySet[Booking]:
    return Booking.objects.filter(contact=contact).select_related("by", "job", "account")


def _answered(contact: Contact) -> QuerySet[Booking]:
    return _bookings(contact).exclude(state=Booking.State.REQUESTED)


def _entered(rows: list[Enrollment]) -> Iterable[Moment]:
    for one in rows:
        text = f"{'Entered again' if one.returning else 'Entered'} “{one.campaign.name}”"
        yield Moment(one.entered_at, "log-in", text, link=_address(one), link_text="Campaign")


def _left(rows: list[Enrollment]) -> Iterable[Moment]:
    for one in rows:
        assert one.ended_at
        why = words.sentence(one.ended_reason).lower()
        text = f"Left “{one.campaign.name}”"
        yield Moment(one.ended_at, "log-out", text, note=why, link=_address(one), link_text="Campaign")


def _asked(rows: list[Booking]) -> Iterable[Moment]:
    for one in rows:
        asked = thread_entries.of_booking(one)[0]
        yield Moment(asked.at, asked.icon, asked.text)


def _came_of_it(rows: list[Booking]) -> Iterable[Moment]:
    for one in rows:
        answer = thread_entries.of_booking(one)[-1]
        tone = {Booking.State.CONVERTED: "good", Booking.State.FAILED: "bad"}.get(
            Booking.State(one.state), ""
        )
        yield Moment(answer.at, answer.icon, answer.text, tone=tone)


def _clicks(contact: Contact) -> QuerySet[Click]:
    """Of people, without the second tap of an impatient finger."""
    mine = Click.objects.filter(code__step__message__contact=contact, kind=Click.Kind.HUMAN, again=False)
    return mine.select_related("code__link__campaign")


def _followed(rows: list[Click]) -> Iterable[Moment]:
    for one in rows:
        link = one.code.link
        yield Moment(
            one.at, "mouse-pointer-click", "Followed a link", note=link.url,
            tone="good", link=reverse("analytics:campaign", args=[link.campaign_id]), link_text="Campaign",
        )  # fmt: skip


def _address(enrollment: Enrollment) -> str:
    return reverse("analytics:campaign", args=[enrollment.campaign_id])


def declare() -> None:
    """Make all of it known."""
    register(
        Source("entered", "campaigns", _passages, "entered_at", _entered),
        Source("left", "campaigns", _passages, "ended_at", _left),
        Source("click", "campaigns", _clicks, "at", _followed),
        Source("booking", "jobs", _bookings, "requested_at", _asked),
        Source("booking-answer", "jobs", _answered, "state_at", _came_of_it),
    )
