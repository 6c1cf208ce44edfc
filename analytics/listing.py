"""Rows behind a number as lines that people read, whatever they are rows of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from analytics.models import JobCredit
from campaigns.models import Booking, Enrollment, Exclusion, Step
from conversations.models import Message

PER_PAGE = 50

RELATED: dict[type, tuple[str, ...]] = {
    Step: ("enrollment__contact", "node", "campaign"),
    Message: ("contact",),
    Enrollment: ("contact", "campaign"),
    Exclusion: ("contact", "campaign"),
    JobCredit: ("job", "enrollment__contact", "node", "campaign"),
    Booking: ("contact",),
}


@dataclass(frozen=True)
class Line:
    """One row: whose it is, where it stands, since when, and what there is to say about it."""

    contact: str
    place: str
    state: str
    at: datetime
    detail: str


def related(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The same rows with everything that `lines` will read."""
    return rows.select_related(*RELATED[rows.model])


def lines(rows: Sequence[Any]) -> list[Line]:
    """A line per row, in the same order."""
    steps = _steps_of([row for row in rows if isinstance(row, Message)])
    return [_line(row, steps) for row in rows]


def _steps_of(messages: list[Message]) -> dict[str, Step]:
    ids = [int((message.origin or "").removeprefix("step:")) for message in messages]
    found = Step.objects.filter(pk__in=ids).select_related("node", "campaign")
    return {f"step:{step.pk}": step for step in found}


def _line(row: Any, steps: dict[str, Step]) -> Line:
    match row:
        case Step():
            return Line(row.enrollment.contact.name, _place(row), row.state, row.state_at, _words(row.reason))
        case Message():
            step = steps.get(row.origin or "")
            place = _place(step) if step else ""
            return Line(
                row.contact.name if row.contact else "", place, row.state, row.state_at, row.body or ""
            )
        case Enrollment():
            since = row.ended_at or row.entered_at
            return Line(row.contact.name, row.campaign.name, row.state, since, _words(row.ended_reason))
        case Exclusion():
            return Line(row.contact.name, row.campaign.name, "excluded", row.at, _words(row.reason))
        case JobCredit():
            job = f"Job {row.job}, linked by {row.link}"
            return Line(row.enrollment.contact.name, _place(row), row.job.status.lower(), row.at, job)
        case Booking():
            return Line(row.contact.name, "Booking", row.state, row.state_at, row.summary or row.reason)
    raise TypeError(f"no line for {row!r}")


def _place(row: Any) -> str:
    return f"{row.campaign.name} › {row.node.name}"


def _words(reason: str) -> str:
    return reason.replace("_", " ")
