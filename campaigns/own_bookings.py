"""A booking that a person makes: on the phone with the customer, in their thread or on their page.

It is asked for as every booking is (`campaigns/bookings.py`), with the arrival window the customer agreed to.
One made out of the call queue carries the call's step, so that its job is credited through it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import BusinessUnit, User
from audiences.models import Contact, JobType
from campaigns import graph
from campaigns.models import Booking, Enrollment, Step
from campaigns.nodes.base import ORIGIN
from common import sql
from common.doorbell import ring
from conversations.models import PlannedCall, Thread

BOOKED = "booked"
MOST_SUMMARY = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What was agreed with the customer; without a window the office finds one."""

    summary: str
    business_unit: BusinessUnit | None = None
    job_type: JobType | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@transaction.atomic
def ask(
    contact: Contact, wish: Wish, *, by: User, token: str, now: datetime, call: PlannedCall | None = None,
    thread: Thread | None = None,
) -> Booking:  # fmt: skip
    """Write the booking down and ring for it; the same token twice is one booking."""
    from campaigns.tasks import book  # tasks import the engine, and with it most of this package

    step = _step_of(call)
    booking, made = Booking.objects.get_or_create(
        account_id=contact.account_id, external_id=f"truckroll-own-{token}",
        defaults={
            "contact": contact, "step": step, "enrollment": _enrollment_of(step), "thread": thread, "by": by,
            "business_unit": wish.business_unit, "job_type": wish.job_type,
            "summary": wish.summary[:MOST_SUMMARY], "starts_at": wish.starts_at, "ends_at": wish.ends_at,
            "state_at": now, "requested_at": now, "next_try_at": None,
        },
    )  # fmt: skip
    if made:
        sql.run("UPDATE campaigns_booking SET next_try_at = clock_timestamp() WHERE id = %s", [booking.pk])
        audit.record(
            account=contact.account, by=by, verb="asked_booking", on=contact,
            summary=f"Asked for a booking of {contact}",
        )  # fmt: skip
        ring(book)
    return booking


def _step_of(call: PlannedCall | None) -> Step | None:
    """The step of a campaign's call, while no other booking has it."""
    if call is None or not call.origin or not call.origin.startswith(ORIGIN):
        return None
    step = Step.objects.filter(pk=int(call.origin.removeprefix(ORIGIN)), booking=None)
    return step.select_related("node", "enrollment").first()


def _enrollment_of(step: Step | None) -> Enrollment | None:
    """The passage that goes its own way once it has booked: where the node has an arrow for it. All others
    end as after any new job, if their terms say so (`campaigns/exits.py`)."""
    if step is None:
        return None
    drawn = graph.load(step.node.version_id)
    return step.enrollment if BOOKED in drawn.nodes[step.node_id].edges else None
