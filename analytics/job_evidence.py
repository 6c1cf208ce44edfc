"""Why a job is credited, or is not: everything that decided it, as one page shows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from analytics import corrections, jobs_page, listing
from analytics.corrections import Touch
from analytics.models import CreditCorrection, JobCredit, JobStanding
from audiences.models import BookingAtSource, CallAtSource, Contact, Invoice, Job
from campaigns.models import Booking
from common import sql
from common.phone import display_phone
from conversations import call_states
from conversations.models import Call, Message, Thread

# The invoices of a job, and those that adjust them without naming one: as `analytics.judging` adds them up.
_PAPERS = """
WITH RECURSIVE paper AS (
    SELECT id, servicetitan_id FROM audiences_invoice
    WHERE account_id = %(account)s AND servicetitan_job_id = %(job)s
    UNION
    SELECT i.id, i.servicetitan_id FROM paper JOIN audiences_invoice i
      ON i.account_id = %(account)s AND i.adjusts_servicetitan_id = paper.servicetitan_id
     AND i.servicetitan_job_id IS NULL
)
SELECT id FROM paper
"""
RULES = {
    "booking": "Our own booking became this job.",
    "thread": "A colleague booked it from the thread.",
    "call": "The customer called from a phone that we had reached in the 7 days before, and booked.",
    "talk": "The customer talked with us on the phone; it was made in that call or in the hour after.",
    "correction": "An admin said so.",
}


@dataclass(frozen=True)
class Moment:
    """One point of a job's way."""

    at: datetime
    icon: str
    text: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Paper:
    """An invoice, or what takes money back; its total in cents."""

    invoice: Invoice
    cents: int | None
    items: list[tuple[str, str, int | None]]  # name, quantity unless it is one, cents


@dataclass(frozen=True)
class Evidence:
    """All that a job's page shows. Money is in cents."""

    job: Job
    standing: JobStanding | None
    credit: JobCredit | None
    stage: listing.State
    verdict: listing.State
    rule: str
    touch: Touch | None
    gap: str  # between it and the job, in words
    thread: Thread | None
    customer: Contact | None
    booking: Booking | None
    booking_at_source: BookingAtSource | None
    call: CallAtSource | None
    talk: Call | None
    talk_said: str  # what became of it, and how long it lasted
    papers: list[Paper]
    corrections: list[tuple[CreditCorrection, Touch | None, Touch | None]]
    moments: list[Moment]


def of(job: Job) -> Evidence:
    """The evidence of a job, whatever is said of it."""
    by = ("message", "phone_call__planned", "phone_call__by")
    standing = JobStanding.objects.filter(job=job).select_related("business_unit", *by).first()
    related = ("booking__by", "booking__contact", "call", "talk__by")
    credit = JobCredit.objects.filter(job=job).select_related(*related).first()
    touch = corrections.touch_of((standing.message or standing.phone_call) if standing else None)
    ids = sql.column(_PAPERS, {"account": job.account_id, "job": job.servicetitan_id})
    invoices = list(Invoice.objects.filter(pk__in=ids).order_by("invoiced_at", "servicetitan_id"))
    said = CreditCorrection.objects.filter(job=job).select_related(
        "by", "message", "was_message", "phone_call__planned", "was_phone_call__planned"
    )
    told = [
        (
            one,
            corrections.touch_of(one.was_message or one.was_phone_call),
            corrections.touch_of(one.message or one.phone_call),
        )
        for one in said.order_by("-pk")
    ]
    booking = credit.booking if credit else None
    verdict = standing.verdict if standing else JobStanding.Verdict.NONE
    evidence = Evidence(
        job=job,
        standing=standing,
        credit=credit,
        stage=jobs_page.STAGES[JobStanding.Stage(standing.stage)] if standing else listing.job_state(job),
        verdict=jobs_page.VERDICTS[JobStanding.Verdict(verdict)],
        rule=RULES.get(credit.link, "") if credit else "",
        touch=touch,
        gap=_gap(touch, job),
        thread=_thread(touch),
        customer=Contact.objects.filter(
            account=job.account_id, servicetitan_customer_id=job.servicetitan_customer_id, person=""
        ).first(),
        booking=booking,
        booking_at_source=_at_source(job, booking),
        call=credit.call if credit else None,
        talk=credit.talk if credit else None,
        talk_said=_talk_said(credit.talk if credit else None),
        papers=[_paper(one) for one in invoices],
        corrections=told,
        moments=[],
    )
    moments = sorted(_moments(evidence), key=lambda moment: moment.at)
    evidence.moments.extend(moments)
    return evidence


def _paper(invoice: Invoice) -> Paper:
    items = [
        (item["name"] or "Item", "" if item["quantity"] == "1" else item["quantity"], _cents(item["total"]))
        for item in invoice.items
    ]
    return Paper(invoice, _cents(invoice.total), items)


def _cents(total: Decimal | str | None) -> int | None:
    return None if total in (None, "") else round(Decimal(str(total)) * 100)


def _gap(touch: Touch | None, job: Job) -> str:
    """How long after the message the job was made."""
    if touch is None or touch.accepted_at is None:
        return ""
    minutes = int((job.created_on - touch.accepted_at).total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    for many, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= many:
            return f"{minutes // many} {unit}{'s' if minutes // many > 1 else ''}"
    return ""


def _talk_said(talk: Call | None) -> str:
    if talk is None:
        return ""
    by = f"with {talk.by}" if talk.by else ""
    return ", ".join(filter(None, (call_states.of_call(talk).word, call_states.lasted(talk.seconds), by)))


def _thread(touch: Touch | None) -> Thread | None:
    if touch is None:
        return None
    enrollment = touch.step.enrollment
    return Thread.objects.filter(contact=enrollment.contact_id, address=enrollment.address_id).first()


def _at_source(job: Job, booking: Booking | None) -> BookingAtSource | None:
    if booking is None:
        return None
    found = BookingAtSource.objects.filter(account=job.account_id)
    return found.filter(external_id=booking.external_id).first()


def _moments(found: Evidence) -> Iterator[Moment]:
    if found.touch is not None:
        yield from _of_touch(found.touch)
    if found.call is not None:
        yield Moment(
            found.call.at, "phone", f"Call from {display_phone(found.call.phone)}", found.call.result
        )
    if found.talk is not None:
        whose = (
            "The customer called us" if found.talk.direction == Call.Direction.IN else "Talked on the phone"
        )
        note = " · ".join(filter(None, (found.talk_said, found.talk.note)))
        yield Moment(found.talk.connected_at or found.talk.created_at, "phone", whose, note, "good")
    if found.booking is not None:
        by = found.booking.by.name if found.booking.by else "the workflow"
        yield Moment(found.booking.requested_at, "send", "Booking requested", f"by {by}")
    job = found.job
    yield Moment(job.created_on, "calendar", f"Job {job} made in ServiceTitan")
    if job.completed_on is not None:
        yield Moment(job.completed_on, "check", "Work completed", tone="good")
    for paper in found.papers:
        yield from _of_invoice(paper.invoice)
    if found.standing is not None and found.standing.stage == JobStanding.Stage.CANCELLED:
        words = "Cancelled" if job.active else "Deleted in ServiceTitan"
        yield Moment(
            job.source_modified_at or job.created_on, "x", words, "as it was last changed there", "bad"
        )
    for one, _, touch in found.corrections:
        said = f"Credit corrected: {one.get_verdict_display()}"
        yield Moment(one.at, "pencil", said, f"{touch or ''} {one.by.name}: “{one.reason}”".strip())


def _of_touch(touch: Touch) -> Iterator[Moment]:
    message = touch.message
    if touch.accepted_at is not None:
        icon = "phone-outgoing" if touch.call else "send"
        yield Moment(touch.accepted_at, icon, f"{touch.kind} {touch} accepted")
    if touch.call is not None and touch.call.ended_at is not None:
        yield Moment(touch.call.ended_at, "phone", "Call over", touch.words)
    if message is None:
        return
    if message.state == Message.State.DELIVERED:
        yield Moment(message.state_at, "check", "Delivered", tone="good")
    if message.replied_at is not None:
        yield Moment(message.replied_at, "message-square", "Customer replied")


def _of_invoice(invoice: Invoice) -> Iterator[Moment]:
    at = invoice.invoiced_at or invoice.source_modified_at
    if at is None:
        return
    total = invoice.total or Decimal(0)
    if total < 0:
        yield Moment(at, "rotate-ccw", f"Credit memo {invoice}", f"−${-total:,.2f}", "warn")
    elif total > 0:
        yield Moment(at, "circle-dollar-sign", f"Invoice {invoice}", f"${total:,.2f}", "good")
    if not invoice.active:
        yield Moment(invoice.source_modified_at or at, "ban", f"Invoice {invoice} voided", tone="bad")
