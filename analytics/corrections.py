"""An admin's word on who won a job: to another touch, to nothing of ours, or back to the rule.

It is kept for ever, leaves an audit entry, and stands above the rule until a further one; a job that the
source calls a recall, recurring or free is nobody's all the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

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
from conversations import call_states
from conversations.models import Call, Message

MOST_TOUCHES = 40


class Refused(ValueError):
    """A correction that cannot be; the message says why and what is unchanged, for people."""


@dataclass(frozen=True)
class Touch:
    """A message or a call that could have won a job, with the step that it came from."""

    by: Message | Call
    step: Step

    @property
    def message(self) -> Message | None:
        """It, where it is one."""
        return self.by if isinstance(self.by, Message) else None

    @property
    def call(self) -> Call | None:
        """It, where it is one."""
        return self.by if isinstance(self.by, Call) else None

    @property
    def accepted_at(self) -> datetime | None:
        """When the provider took it."""
        return self.by.accepted_at

    @property
    def name(self) -> str:
        """Its name in forms: messages and calls are numbered apart."""
        return f"{'call' if self.call else 'touch'}-{self.by.pk}"

    @property
    def kind(self) -> str:
        """“Text”, “Email” or “Call”."""
        if self.message is None:
            return "Call"
        return "Email" if self.message.mailbox_id else "Text"

    @property
    def words(self) -> str:
        """What was written; of a call, what became of it, how long it lasted, and the agent’s note."""
        if self.message is not None:
            return self.message.body or ""
        call = self.by
        assert isinstance(call, Call)
        told = (call_states.of_call(call).word, call_states.lasted(call.seconds), call.note)
        return " · ".join(filter(None, told))

    def __str__(self) -> str:
        return f"“{self.step.node.name}” of {self.step.campaign.name}"


def touches(job: Job, *, phone: str = "") -> list[Touch]:
    """Accepted messages and calls of campaigns before this job, newest first: to its customer, to whom we
    asked to book for, and to a phone that somebody names.
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
    placed = Call.objects.filter(
        to_them, account=job.account_id, accepted_at__lt=job.created_on, planned__origin__startswith="step:"
    ).exclude(state=Call.State.REFUSED)
    found: list[Message | Call] = [
        *sent.order_by("-accepted_at", "-pk")[:MOST_TOUCHES],
        *placed.select_related("planned", "by").order_by("-accepted_at", "-pk")[:MOST_TOUCHES],
    ]
    touched = _with_steps(found)
    return sorted(touched, key=lambda touch: touch.accepted_at or job.created_on, reverse=True)[:MOST_TOUCHES]


def touch_of(by: Message | Call | None) -> Touch | None:
    """The touch that a message or call was; None without one."""
    found = _with_steps([by]) if by is not None else []
    return found[0] if found else None


def _with_steps(found: Iterable[Message | Call]) -> list[Touch]:
    of = [(pk, by) for by in found if (pk := _step_id(by))]
    rows = Step.objects.filter(pk__in={pk for pk, _ in of}, node__kind__in=TOUCH_KINDS)
    by_id = rows.select_related("node", "campaign", "enrollment__contact", "enrollment__address").in_bulk()
    return [Touch(by, by_id[pk]) for pk, by in of if pk in by_id]


def _step_id(by: Message | Call) -> int:
    """The step that something was sent or placed for; 0 for none."""
    made_for = by if isinstance(by, Message) else by.planned
    origin = (made_for.origin if made_for else "") or ""
    return int(origin.removeprefix("step:")) if origin.startswith("step:") else 0


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
    job: Job, *, verdict: str, reason: str, seen: int, by: User, now: datetime, message_id: int | None = None,
    call_id: int | None = None,
) -> CreditCorrection:  # fmt: skip
    """Say who won this job, whatever the rule says; the figures follow at once.

    `seen` is the latest correction that `by` had before them, 0 for none. Raises Refused, and changes
    nothing, where another admin was quicker, where the message or call reached nobody before the job, or
    where the job is never credited.
    """
    hold_papers(job.account_id)
    job.refresh_from_db()
    before = latest(job)
    if (before.pk if before else 0) != seen:
        raise Refused("Somebody has corrected this credit meanwhile. Nothing was changed; look at it again.")
    was = JobCredit.objects.filter(job=job).select_related("message", "phone_call__planned").first()
    touch = None
    if verdict == CreditCorrection.Verdict.TOUCH:
        touch = _creditable(job, message_id, call_id)
    elif verdict == CreditCorrection.Verdict.RULE and before is None:
        raise Refused("The rule decides already. Nothing was changed.")
    correction = CreditCorrection.objects.create(
        account_id=job.account_id, job=job, verdict=verdict, message=touch.message if touch else None,
        phone_call=touch.call if touch else None, was_message=was.message if was else None,
        was_phone_call=was.phone_call if was else None, was_link=was.link if was else "",
        reason=reason.strip(), by=by, at=now,
    )  # fmt: skip
    attribution.credit([job.pk])
    _record(job, correction, was, touch, by)
    return correction


def _creditable(job: Job, message_id: int | None, call_id: int | None) -> Touch:
    if why := never(job):
        raise Refused(f"This job can never be credited: {why}. Nothing was changed.")
    calls = Call.objects.filter(account=job.account_id, pk=call_id or 0).exclude(state=Call.State.REFUSED)
    messages = Message.objects.filter(account=job.account_id, pk=message_id or 0)
    touch = touch_of(messages.first() or calls.select_related("planned").first())
    if touch is None:
        raise Refused("Choose a message or call of a campaign. Nothing was changed.")
    if touch.accepted_at is None or touch.accepted_at >= job.created_on:
        it = "call" if touch.call else "message"
        raise Refused(f"This {it} reached nobody before the job was made. Nothing was changed.")
    # Nothing deletes the passage between this look and the commit.
    kept = Enrollment.objects.select_for_update(no_key=True).filter(pk=touch.step.enrollment_id)
    if not kept.exists():
        raise Refused("The details of this touch are deleted. Nothing was changed.")
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
            "before": str(touch_of(was.message or was.phone_call) or was.link) if was else "not credited",
            "after": said,
        },
    )  # fmt: skip
