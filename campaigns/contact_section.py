"""What the contact page shows of campaigns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audiences.contact_sections import Section
from audiences.models import Contact
from campaigns import words
from campaigns.models import Enrollment, Step

LATEST = 20


@dataclass(frozen=True, slots=True)
class Passage:
    """One enrollment: where it stands (the node, and since or until when), or why it ended."""

    enrollment: Enrollment
    ended: str
    node: str = ""
    state: str = ""
    due_at: datetime | None = None


def load(contact: Contact) -> dict[str, Any]:
    """The contact's passages, latest first. Two queries."""
    found = Enrollment.objects.filter(contact=contact).select_related("campaign")
    latest = list(found.order_by("-entered_at", "-pk")[:LATEST])
    running = [each.pk for each in latest if each.state == Enrollment.State.ACTIVE]
    steps = Step.objects.filter(enrollment__in=running, state__in=Step.OPEN).select_related("node")
    standing = {step.enrollment_id: step for step in steps.order_by("pk")}
    return {"passages": [_passage(each, standing.get(each.pk)) for each in latest]}


def _passage(enrollment: Enrollment, step: Step | None) -> Passage:
    ended = words.sentence(enrollment.ended_reason)
    if step is None:
        return Passage(enrollment, ended)
    return Passage(enrollment, ended, step.node.name, step.state, step.due_at)


SECTION = Section("campaigns/contact_section.html", load)
