"""Rows behind a number as lines that people read, whatever they are rows of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from analytics.models import JobCredit, JobStanding
from audiences.models import Contact, Job
from campaigns import words
from campaigns.models import Booking, Campaign, Enrollment, Exclusion, Step
from campaigns.reasons import why_of
from conversations import call_states
from conversations.models import Call, Message, PlannedCall, Thread

PER_PAGE = 50

RELATED: dict[type, tuple[str, ...]] = {
    Step: ("enrollment__contact", "node", "campaign"),
    Message: ("contact",),
    PlannedCall: ("contact", "outcome_by"),
    Call: ("contact", "by", "planned"),
    Enrollment: ("contact", "campaign"),
    Exclusion: ("contact", "campaign"),
    JobCredit: ("job", "enrollment__contact", "node", "campaign"),
    JobStanding: ("job", "enrollment__contact", "node", "campaign"),
    Booking: ("contact", "enrollment__campaign", "thread"),
}


@dataclass(frozen=True)
class State:
    """Where a row stands, for a badge: its word, its tone (`good warn bad info` or none), its drawing."""

    word: str
    tone: str = ""
    icon: str = "circle"


STEP_STATES = {
    "scheduled": State("Scheduled", "", "clock"),
    "queued": State("Queued", "info", "list-start"),
    "waiting": State("Waiting", "info", "hourglass"),
    "completed": State("Completed", "good", "check"),
    "failed": State("Failed", "bad", "x"),
    "skipped": State("Skipped", "", "skip-forward"),
}
MESSAGE_STATES = {
    "queued": State("Queued", "", "list-start"),
    "calling": State("Being sent", "info", "send"),
    "accepted": State("Accepted", "info", "send"),
    "sent": State("Sent", "info", "send"),
    "delivered": State("Delivered", "good", "check"),
    "failed": State("Failed", "bad", "x"),
    "rejected": State("Rejected", "bad", "ban"),
    "expired": State("Expired", "warn", "clock"),
    "bounced": State("Bounced", "bad", "x"),
    "blocked": State("Blocked", "bad", "ban"),
    "cancelled": State("Cancelled", "", "x"),
    "unknown": State("Unknown", "warn", "circle-help"),
    "received": State("Received", "info", "message-square"),
}
ENROLLMENT_STATES = {"active": State("Active", "info", "play"), "ended": State("Ended", "", "flag")}
NOT_ADMITTED = State("Not admitted", "warn", "ban")
BOOKING_STATES = {
    "requested": State("To be requested", "", "clock"),
    "sent": State("Requested", "info", "send"),
    "accepted": State("Waits for a job", "info", "hourglass"),
    "converted": State("Job made", "good", "check"),
    "dismissed": State("Dismissed", "warn", "ban"),
    "failed": State("Failed", "bad", "x"),
}
JOB_STATES = {  # ServiceTitan's words
    "Completed": State("Completed", "good", "check"),
    "Canceled": State("Cancelled", "bad", "x"),
    "Hold": State("On hold", "warn", "pause"),
    "InProgress": State("In progress", "info", "play"),
}
LINKS = {
    "booking": "our booking",
    "thread": "a booking from the thread",
    "call": "a call within 7 days",
    "talk": "a call of ours, or to us",
    "correction": "an admin’s correction",
}


@dataclass(frozen=True)
class Who:
    """The contact of a row; without a number where nobody is known."""

    name: str = "Unknown"
    pk: int | None = None


@dataclass(frozen=True)
class Place:
    """The campaign and, where the row is at one, the node."""

    campaign: str = ""
    campaign_pk: int | None = None
    node: str = ""


@dataclass(frozen=True)
class Line:
    """One row: whose it is, where it stands, since when, what was said, and why it stands there."""

    who: Who
    place: Place
    state: State
    at: datetime
    remark: str = ""
    said: str = ""
    thread_pk: int | None = None
    subject: str = ""  # of an email
    job_pk: int | None = None
    cents: int | None = None  # what the job brought
    call_pk: int | None = None  # the planned call whose page tells of it


def of(model: type[Model], ids: Sequence[int]) -> list[Any]:
    """The rows with these keys, in their order, with everything that `lines` will read.

    Apart from finding the keys: sorting all rows whole for the sake of fifty takes twice as long.
    """
    found = model._default_manager.select_related(*RELATED[model]).in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def lines(rows: Sequence[Any]) -> list[Line]:
    """A line per row, in the same order."""
    steps = _steps_of([_origin(row) for row in rows])
    pairs = [_pair(row, steps) for row in rows]
    threads = _threads_of(pairs)
    return [_line(row, steps, threads.get(pair)) for row, pair in zip(rows, pairs, strict=True)]


def _origin(row: Any) -> str:
    """What a row was made for; blank where it comes from no step, as what agents write and whom they call."""
    planned = row.planned if isinstance(row, Call) else row
    return (planned.origin or "") if isinstance(planned, Message | PlannedCall) else ""


def _steps_of(origins: list[str]) -> dict[str, Step]:
    ids = [int(origin.removeprefix("step:")) for origin in origins if origin.startswith("step:")]
    found = Step.objects.filter(pk__in=ids).select_related("node", "campaign", "enrollment")
    return {f"step:{step.pk}": step for step in found}


_Pair = tuple[int | None, int | None]


def _pair(row: Any, steps: dict[str, Step]) -> _Pair:
    """Contact and address of a row, which name its thread; nothing where it has no address.

    An email stands in the thread of the phone with which its contact entered.
    """
    match row:
        case Message(mailbox_id=int()) if step := steps.get(row.origin or ""):
            return row.contact_id, step.enrollment.address_id
        case Message() | Enrollment() | PlannedCall() | Call():
            return row.contact_id, row.address_id
        case Step() | JobCredit() | JobStanding() if row.enrollment:
            return row.enrollment.contact_id, row.enrollment.address_id
    return None, None


def _threads_of(pairs: Sequence[_Pair]) -> dict[_Pair, int]:
    found = Thread.objects.filter(contact__in={contact for contact, _ in pairs if contact})
    return {(contact, address): pk for pk, contact, address in found.values_list("pk", "contact", "address")}


def _line(row: Any, steps: dict[str, Step], thread_pk: int | None) -> Line:
    match row:
        case Step():
            who, state = _who(row.enrollment.contact), STEP_STATES[row.state]
            return Line(who, _node(row), state, row.state_at, _why_of(row), "", thread_pk)
        case Message():
            step, state, said = steps.get(row.origin or ""), MESSAGE_STATES[row.state], row.body or ""
            place = _node(step) if step else Place()
            return Line(
                _who(row.contact), place, state, row.state_at, row.reason, said, thread_pk, row.subject or ""
            )
        case PlannedCall():
            return Line(
                _who(row.contact),
                _at(steps, row),
                _said(call_states.of_planned(row)),
                row.state_at,
                _of_planned(row),
                "",
                thread_pk,
                call_pk=row.pk,
            )
        case Call():
            return Line(
                _who(row.contact),
                _at(steps, row),
                _said(call_states.of_call(row)),
                row.accepted_at or row.created_at,
                _of_call(row),
                row.note,
                thread_pk,
                call_pk=row.planned_id,
            )
        case Enrollment():
            since, why = row.ended_at or row.entered_at, why_of(row.ended_reason)
            state = ENROLLMENT_STATES[row.state]
            return Line(_who(row.contact), _campaign(row.campaign), state, since, why, "", thread_pk)
        case Exclusion():
            why = words.exclusion(row.reason)
            return Line(_who(row.contact), _campaign(row.campaign), NOT_ADMITTED, row.at, why)
        case JobCredit():
            remark = f"Job {row.job}, linked by {LINKS.get(row.link, row.link)}"
            return _of_job(row, remark, thread_pk)
        case JobStanding():
            return _of_job(row, f"Job {row.job}, influenced: {row.get_reason_display()}", thread_pk)
        case Booking():
            place = _campaign(row.enrollment.campaign) if row.enrollment else Place()
            state, said = BOOKING_STATES[row.state], row.summary
            return Line(_who(row.contact), place, state, row.state_at, row.reason, said, row.thread_id)
    raise TypeError(f"no line for {row!r}")


def _at(steps: dict[str, Step], row: PlannedCall | Call) -> Place:
    step = steps.get(_origin(row))
    return _node(step) if step else Place()


def _said(told: call_states.Said) -> State:
    return State(told.word, told.tone, told.icon)


def _of_planned(row: PlannedCall) -> str:
    """How often, by whom the outcome was told, and why it was not called."""
    tries = f"{row.tries} {'try' if row.tries == 1 else 'tries'}" if row.tries else "not tried"
    how = f"by {row.outcome_by}" if row.outcome_by else row.get_mode_display().lower()
    return ", ".join(filter(None, (tries, how, row.reason)))


def _of_call(row: Call) -> str:
    """Which try, by whom, how long, and what else became of it."""
    by = f"by {row.by}" if row.by else "by a script" if row.planned and row.planned.mode == "script" else ""
    told = (
        f"try {row.try_number}" if row.planned_id else "",
        by,
        call_states.lasted(row.seconds),
        "abandoned" if row.abandoned_at else "",
        "opted out" if row.opted_out_at else "",
        row.reason,
    )
    return ", ".join(filter(None, told))


def _of_job(row: JobCredit | JobStanding, remark: str, thread_pk: int | None) -> Line:
    state, who = job_state(row.job), _who(row.enrollment.contact if row.enrollment else None)
    return Line(who, _node(row), state, row.at, remark, "", thread_pk,
                job_pk=row.job_id, cents=row.revenue_cents)  # fmt: skip


def job_state(job: Job) -> State:
    """Where a job stands in ServiceTitan."""
    return JOB_STATES.get(job.status, State(words.sentence(job.status), "info", "calendar"))


def _who(contact: Contact | None) -> Who:
    return Who(contact.name, contact.pk) if contact else Who()


def _campaign(campaign: Campaign) -> Place:
    return Place(campaign.name, campaign.pk)


def _node(row: Step | JobCredit | JobStanding) -> Place:
    if row.campaign is None or row.node is None:  # a job that nothing of ours won
        return Place()
    return Place(row.campaign.name, row.campaign_id, row.node.name)


def _why_of(step: Step) -> str:
    return why_of(step.reason, step.node.kind)
