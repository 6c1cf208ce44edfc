"""An admin's word on who won a job: to another touch, to nothing of ours, or back to the rule.

It is kept for ever, leaves an audit entry, and stands above the rule until a further one; a job that the
source calls a recall, recurring or free is nobody's all the same.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts import audit
from accounts.models import User
from analytics import attribution
from analytics.metrics import TOUCH_KINDS
from analytics.models import CreditCorrection, JobCredit, JobStanding
from audiences.locks import hold_papers
from audiences.models import Address, Contact, Job, RecurringVisit
from campaigns.models import Booking, Enrollment, Step
from common.phone import parse_phone
from common.transactions import atomic_with_retry
from conversations.models import Message

MOST_TOUCHES = 40


class Refused(ValueError):
    """A correction that cannot be; the message says why and what is unchanged, for people."""


@dataclass(frozen=True)
class Touch:
    """A message that could have won a job, with the step that sent it."""

    message: Message
    step: Step

    def __str__(self) -> str:
        return f"“{self.step.node.name}” of {self.step.campaign.name}"


def touches(job: Job, *, phone: str = "") -> list[Touch]:
    """Accepted messages of campaigns before this job, newest first: to its customer, to whom we asked to book
    for, and to a phone that somebody names.
    """
    asked = Booking.objects.filter(
        Q(servicetitan_job_id=job.servicetitan_id)
        | Q(servicetitan_id__isnull=False, servicetitan_id=job.servicetitan_booking_id),
        account=job.account_id,
    )
    customers = [
        job.servicetitan_customer_id,
        *asked.values_list("contact__servicetitan_customer_id", flat=True),
    ]
    contacts = Contact.objects.filter(account=job.account_id, servicetitan_customer_id__in=customers)
    to_them = Q(contact__in=list(contacts.values_list("pk", flat=True)))  # ids, so that an index finds them
    known = parse_phone(phone) if phone else None
    if known is not None:
        addresses = Address.objects.filter(account=job.account_id, channel="phone", value=known.e164)
        to_them |= Q(address__in=list(addresses.values_list("pk", flat=True)))
    sent = Message.objects.filter(
        to_them, account=job.account_id, accepted_at__lt=job.created_on, origin__startswith="step:"
    )
    return _with_steps(sent.order_by("-accepted_at", "-pk")[:MOST_TOUCHES])


def touch_of(message: Message | None) -> Touch | None:
    """The touch that a message was; None without one."""
    found = _with_steps([message]) if message is not None else []
    return found[0] if found else None


def _with_steps(messages: Collection[Message] | QuerySet[Message]) -> list[Touch]:
    ids = {
        int((message.origin or "").removeprefix("step:")): message
        for message in messages
        if (message.origin or "").startswith("step:")
    }
    steps = Step.objects.filter(pk__in=ids, node__kind__in=TOUCH_KINDS)
    by_id = steps.select_related("node", "campaign", "enrollment__contact", "enrollment__address").in_bulk()
    return [Touch(message, by_id[pk]) for pk, message in ids.items() if pk in by_id]


def never(job: Job) -> str:
    """Why a job is never credited, whoever says so; empty where it may be."""
    visits = RecurringVisit.objects.filter(
        account=job.account_id, servicetitan_job_id=job.servicetitan_id, active=True
    )
    if job.recall_for_servicetitan_id is not None:
        return str(JobStanding.Reason.RECALL.label)
    if visits.exists():
        return str(JobStanding.Reason.RECURRING.label)
    return str(JobStanding.Reason.NO_CHARGE.label) if job.no_charge else ""


def latest(job: Job) -> CreditCorrection | None:
    """The correction that stands, if there ever was one."""
    return CreditCorrection.objects.filter(job=job).order_by("-pk").first()


@atomic_with_retry
def correct(
    job: Job, *, verdict: str, message_id: int | None, reason: str, seen: int, by: User, now: datetime
) -> CreditCorrection:
    """Say who won this job, whatever the rule says; the figures follow at once.

    `seen` is the latest correction that `by` had before them, 0 for none. Raises Refused, and changes
    nothing, where another admin was quicker, where the message reached nobody before the job, or where the
    job is never credited.
    """
    hold_papers(job.account_id)
    job.refresh_from_db()
    before = latest(job)
    if (before.pk if before else 0) != seen:
        raise Refused("Somebody has corrected this credit meanwhile. Nothing was changed; look at it again.")
    was = JobCredit.objects.filter(job=job).select_related("message").first()
    touch = None
    if verdict == CreditCorrection.Verdict.TOUCH:
        touch = _creditable(job, message_id)
    elif verdict == CreditCorrection.Verdict.RULE and before is None:
        raise Refused("The rule decides already. Nothing was changed.")
    correction = CreditCorrection.objects.create(
        account_id=job.account_id, job=job, verdict=verdict, message=touch.message if touch else None,
        was_message=was.message if was else None, was_link=was.link if was else "",
        reason=reason.strip(), by=by, at=now,
    )  # fmt: skip
    attribution.credit([job.pk])
    _record(job, correction, was, touch, by)
    return correction


def _creditable(job: Job, message_id: int | None) -> Touch:
    if why := never(job):
        raise Refused(f"This job can never be credited: {why}. Nothing was changed.")
    touch = touch_of(Message.objects.filter(account=job.account_id, pk=message_id or 0).first())
    if touch is None:
        raise Refused("Choose a message of a campaign. Nothing was changed.")
    if touch.message.accepted_at is None or touch.message.accepted_at >= job.created_on:
        raise Refused("This message reached nobody before the job was made. Nothing was changed.")
    # Nothing deletes the passage between this look and the commit.
    kept = Enrollment.objects.select_for_update(no_key=True).filter(pk=touch.step.enrollment_id)
    if not kept.exists():
        raise Refused("The details of this message are deleted. Nothing was changed.")
    return touch


def _record(
    job: Job, correction: CreditCorrection, was: JobCredit | None, touch: Touch | None, by: User
) -> None:
    said = {
        CreditCorrection.Verdict.TOUCH: f"to {touch}",
        CreditCorrection.Verdict.NONE: "to nothing of ours",
        CreditCorrection.Verdict.RULE: "back to what the rule says",
    }[CreditCorrection.Verdict(correction.verdict)]
    audit.record(
        account=job.account, by=by, verb="corrected_credit", on=job,
        summary=f"Corrected the credit of job {job} {said}: {correction.reason}",
        detail={
            "reason": correction.reason,
            "before": str(touch_of(was.message) or was.link) if was else "not credited",
            "after": said,
        },
    )  # fmt: skip
