"""One audience record step by step: where it came, what it was told, what it answered, how it went on."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from analytics.listing import BOOKING_STATES, MESSAGE_STATES, STEP_STATES, State
from analytics.metrics import CALL_KINDS
from analytics.models import JobCredit
from campaigns import graph, thread_entries, words
from campaigns.models import Booking, Enrollment, EnrollmentSnapshot, Step
from campaigns.passages import ANOTHER_TRY
from campaigns.reasons import why_of
from campaigns.repointing import MOVED
from common.phone import display_phone
from conversations import call_states, calls_told
from conversations.models import Call, Message, PlannedCall, Thread


@dataclass(frozen=True)
class Said:
    """A text or email, ours or theirs."""

    ours: bool
    text: str
    subject: str
    at: datetime
    state: State | None
    why: str
    clicked_at: datetime | None = None  # first click of a person on a link of it


@dataclass(frozen=True)
class Called:
    """The planned call of a step: where it stands, its reason where it has one, and its tries."""

    state: State
    why: str
    due_at: datetime | None
    tries: list[tuple[datetime, str, str]]  # when, what became of it and who called, what else is known of it


@dataclass(frozen=True)
class Stop:
    """One step: at which node, since when, how it ended and where it led."""

    pk: int
    name: str
    kind: str
    icon: str
    state: State
    entered_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    again: int  # the so-many-th time here; 0 for the first
    why: str
    way: str
    to: str
    said: list[Said] = field(default_factory=list)
    booked: list[tuple[State, str]] = field(default_factory=list)
    credits: list[str] = field(default_factory=list)
    call: Called | None = None


@dataclass(frozen=True)
class Passage:
    """All of it. `known`: what ServiceTitan knew at entry, as words."""

    enrollment: Enrollment
    phone: str
    thread: int | None
    ended: str
    known: list[tuple[str, str | datetime]]
    stops: list[Stop]
    apart: list[tuple[State, str]]  # bookings of no step


def read(enrollment: Enrollment) -> Passage:
    """The passage of an enrollment, in a constant number of queries."""
    steps = list(
        Step.objects.filter(enrollment=enrollment).select_related("node").order_by("created_at", "pk")
    )
    texts = {m.origin: m for m in Message.objects.filter(origin__in=[f"step:{step.pk}" for step in steps])}
    calls = _calls(steps)
    replies: dict[int, list[Message]] = defaultdict(list)
    answers = Message.objects.filter(replies_to__in=[text.pk for text in texts.values()])
    for answer in answers.filter(kind=Message.Kind.INBOUND).order_by("created_at", "pk"):
        replies[answer.replies_to_id or 0].append(answer)
    bookings = list(
        Booking.objects.filter(enrollment=enrollment).select_related("by", "job", "account").order_by("pk")
    )
    credits: dict[int, list[str]] = defaultdict(list)
    won = JobCredit.objects.filter(enrollment=enrollment)
    won = won.select_related("job", "message", "phone_call__planned")
    for credit in won.order_by("pk"):
        if (winner := _winner(credit, steps)) is not None:
            credits[winner].append(str(credit.job))
    stops = [
        replace(
            _stop(step, texts.get(f"step:{step.pk}"), replies, bookings, credits[step.pk]),
            call=calls.get(f"step:{step.pk}"),
        )
        for step in steps
    ]
    known = EnrollmentSnapshot.objects.filter(pk=enrollment.pk).values_list("data", flat=True).first()
    thread = Thread.objects.filter(contact=enrollment.contact_id, address=enrollment.address_id)
    return Passage(
        enrollment=enrollment,
        phone=display_phone(enrollment.address.value),
        thread=thread.values_list("pk", flat=True).first(),
        ended=why_of(enrollment.ended_reason),
        known=_known(enrollment, known or {}),
        stops=stops,
        apart=_bookings(one for one in bookings if one.step_id is None),
    )


def _winner(credit: JobCredit, steps: list[Step]) -> int | None:
    """The step that won a job: that of the message or call, not merely the first at its node, where it came
    twice."""
    call = credit.phone_call.planned if credit.phone_call else None
    origin = credit.message.origin if credit.message else call.origin if call else None
    there = [step.pk for step in steps if step.node_id == credit.node_id]
    return next((pk for pk in there if f"step:{pk}" == origin), there[0] if there else None)


def _calls(steps: list[Step]) -> dict[str | None, Called]:
    """The planned calls of these steps by their origins, with their tries in order."""
    origins = [f"step:{step.pk}" for step in steps if step.node.kind in CALL_KINDS]
    if not origins:
        return {}
    planned = {one.pk: one for one in PlannedCall.objects.filter(origin__in=origins)}
    tries: dict[int | None, list[Call]] = defaultdict(list)
    made = Call.objects.filter(planned__in=planned).exclude(state=Call.State.REFUSED)
    for call in made.select_related("by", "contact", "planned__lane").order_by("created_at", "pk"):
        tries[call.planned_id].append(call)
    return {
        one.origin: Called(
            state=State(*astuple(call_states.of_planned(one))),
            why=one.reason,
            due_at=one.due_at,
            tries=[_try(call) for call in tries[one.pk]],
        )
        for one in planned.values()
    }


def _try(call: Call) -> tuple[datetime, str, str]:
    became = (call_states.of_call(call).word, call_states.lasted(call.seconds))
    by = f"by {call.by}" if call.by else ""
    return call.created_at, ", ".join(filter(None, (*became, by))), calls_told.besides(call)


def _stop(
    step: Step,
    text: Message | None,
    replies: dict[int, list[Message]],
    bookings: list[Booking],
    credits: list[str],
) -> Stop:
    closed = step.state not in Step.OPEN
    way, to = _way(step) if closed else ("", "")
    said = [_said(text, True)] if text else []
    said += [_said(answer, False) for answer in (replies[text.pk] if text else [])]
    return Stop(
        pk=step.pk,
        name=step.node.name,
        kind=words.kind(step.node.kind),
        icon=words.kind_icon(step.node.kind),
        state=STEP_STATES[step.state],
        entered_at=step.created_at,
        closed_at=step.state_at if closed else None,
        due_at=step.due_at,
        again=step.pass_number if step.pass_number > 1 else 0,
        why=why_of(step.reason, step.node.kind),
        way=way,
        to=to,
        said=said,
        booked=_bookings(one for one in bookings if one.step_id == step.pk),
        credits=credits,
    )


def _way(step: Step) -> tuple[str, str]:
    """How a closed step left, and for which node of the version it was of; nothing where the passage ended
    there, no node where its contact was moved to another version, or where it was another try."""
    if step.outcome in (MOVED, ANOTHER_TRY):
        return words.edge(step.outcome), ""
    drawn = graph.load(step.node.version_id)
    node = drawn.nodes.get(step.node_id)
    if step.state != Step.State.COMPLETED and not step.outcome:
        return "", ""
    target = node.leads_to(state=step.state, label=step.outcome) if node else None
    said = "" if step.outcome in ("", graph.NEXT) else words.way(step.node.kind, step.outcome)
    return said, drawn.nodes[target].name if target in drawn.nodes else ""


def _said(message: Message, ours: bool) -> Said:
    return Said(
        ours=ours,
        text=message.body or "",
        subject=message.subject or "",
        at=(message.accepted_at or message.state_at) if ours else message.created_at,
        state=MESSAGE_STATES[message.state] if ours else None,
        why=message.reason if ours else "",
        clicked_at=message.clicked_at,
    )


def _bookings(found: Iterable[Booking]) -> list[tuple[State, str]]:
    return [(BOOKING_STATES[booking.state], thread_entries.of_booking(booking)[-1].text) for booking in found]


def _known(enrollment: Enrollment, data: dict[str, Any]) -> list[tuple[str, str | datetime]]:
    customer = enrollment.contact.servicetitan_customer_id
    found: list[tuple[str, str | datetime]] = [("Customer", str(customer) if customer > 0 else "none")]
    if jobs := data.get("job_ids"):
        found.append(("Jobs", ", ".join(map(str, jobs))))
    if job_type := data.get("last_job_type"):
        found.append(("Last job’s type", job_type))
    if appointment := parse_datetime(data.get("next_appointment_at", "")):
        found.append(("Next appointment", appointment))
    return found
