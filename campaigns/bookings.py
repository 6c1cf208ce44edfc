"""Asking ServiceTitan for bookings, and following each until it is a job or has been dismissed; or creating
the job at once, where the account allows that (`campaigns/job_creation.py`).

A booking is claimed by moving its `next_try_at`, committed, then asked for at once, outside any transaction.
Its external id never changes and is looked up before any repetition, so that killing us at any instant books
nobody twice. Nothing is asked for that nobody waits for any more.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from audiences import servicetitan_pages
from campaigns import exits, graph, job_creation, locks, passages
from campaigns.models import Booking, Campaign, Enrollment, Step
from campaigns.nodes.base import Outcome, Row, State
from campaigns.nodes.book_job import BOOKED, NOT_BOOKED
from campaigns.signals import job_booked
from common import loops, sql
from common.transactions import atomic_with_retry
from integrations import connections
from integrations.messaging import ProviderError
from integrations.servicetitan.client import ServiceTitanClient
from integrations.servicetitan.records import Booking as Answer
from integrations.servicetitan.records import Job
from integrations.servicetitan.requests import BookingRequest

log = logging.getLogger(__name__)
RETRY_SECONDS = 60  # longer than looking a request up and making it may take
FIRST_LOOK_SECONDS = 2
LONGEST_LOOK_SECONDS = 120
MAY_NOT = "403"  # the app has no such permission: nothing was made, and no job will be
_MOST_DOUBLINGS = 6
_MOST_TRIES = 30_000  # what the column holds
_REASON_LENGTH = 300  # of the column
_STATES = {"New": Booking.State.SENT, "Accepted": Booking.State.ACCEPTED}


class _NotAwaited(Exception):
    """Passage, step or campaign ended before ServiceTitan was asked."""


def work(*, now: datetime) -> int:
    """Make due requests and look after those under way, for up to 20 s; how many were taken up.

    One booking's trouble never stops the others: it is tried again when its claim has run out.
    """
    total = 0
    for _ in loops.loop_until():
        booking = _claim_next()
        if booking is None:
            break
        total += 1
        try:
            _take_further(booking, now)
        except Exception:
            log.exception("booking %s broke off", booking.external_id)
    return total


@atomic_with_retry
def _claim_next() -> Booking | None:
    """Take one due request for ourselves for a minute, on the real clock."""
    claimed = sql.value(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM campaigns_booking WHERE next_try_at <= clock_timestamp()
            ORDER BY next_try_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE campaigns_booking b SET tries = least(b.tries + 1, %s),
            next_try_at = clock_timestamp() + %s * interval '1 second'
        FROM due WHERE b.id = due.id RETURNING b.id
        """,
        [_MOST_TRIES, RETRY_SECONDS],
    )
    related = ("account", "contact", "business_unit", "job_type", "step__node")
    return Booking.objects.select_related(*related).filter(pk=claimed).first()


def _take_further(booking: Booking, now: datetime) -> None:
    try:
        client = connections.servicetitan(booking.account)
        answer = _ask(client, booking, now) if booking.servicetitan_id is None else _look(client, booking)
        job = _job_of(client, answer)
    except _NotAwaited:
        _give_up(booking, "Nobody waited for this booking any more before it was asked for", now)
        return
    except connections.NotConnected:
        _give_up(booking, "ServiceTitan is not connected", now)
        return
    except ProviderError as error:
        log.warning("booking %s not taken further: %s", booking.external_id, error.code)
        if error.permanent and error.accepted == "no":
            _give_up(booking, error.message, now)
        return
    if job is not None:
        record(booking, servicetitan_id=answer.id if isinstance(answer, Answer) else None, job=job, now=now)
    elif isinstance(answer, Answer) and answer.status == "Dismissed":
        dismissed(booking, now=now)
    elif isinstance(answer, Answer):
        _follow(booking, answer, now)


def _job_of(client: ServiceTitanClient, answer: Answer | Job) -> Job | None:
    """The job that was created, or that the office made of our request."""
    if isinstance(answer, Job):
        return answer
    return client.job(answer.job_id) if answer.status == "Converted" and answer.job_id else None


def _ask(client: ServiceTitanClient, booking: Booking, now: datetime) -> Answer | Job:
    """Ask for the booking, or create its job, unless an earlier try of ours has already reached ServiceTitan.

    Which of the two is decided, and committed, before anything is asked for. Raises _NotAwaited.
    """
    if booking.tries > 1 and (known := _made_before(client, booking)):
        return known[0]
    if not _is_awaited(booking):
        raise _NotAwaited
    if booking.way != Booking.Way.REQUEST:
        job_creation.decide(booking, now=now)
    if booking.way == Booking.Way.JOB:
        try:
            return client.create_job(job_creation.job_request(booking))
        except ProviderError as refused:
            if refused.code != MAY_NOT:
                raise
        job_creation.ask_instead(booking, "the app may not create jobs in ServiceTitan")
    return _request(client, booking)


def _made_before(client: ServiceTitanClient, booking: Booking) -> Sequence[Answer | Job]:
    """What a former try made: none or one. A way that is not decided yet was never taken."""
    match booking.way:
        case Booking.Way.JOB:
            return client.jobs_by_external_id(booking.external_id)
        case Booking.Way.REQUEST:
            return client.bookings_by_external_id(booking.external_id)
    return []


def _request(client: ServiceTitanClient, booking: Booking) -> Answer:
    contact = booking.contact
    phone = contact.contact_addresses.filter(address__channel="phone").order_by("position").first()
    return client.create_booking(
        BookingRequest(
            external_id=booking.external_id,
            name=contact.name,
            summary=booking.summary,
            phone=phone.address.value if phone else "",
            street=contact.street,
            city=contact.city,
            state=contact.state,
            zip=contact.zip,
            start=booking.starts_at,
            business_unit_id=booking.business_unit.servicetitan_id if booking.business_unit else None,
            job_type_id=booking.job_type.servicetitan_id if booking.job_type else None,
            customer_id=contact.servicetitan_customer_id if contact.servicetitan_customer_id > 0 else None,
        )
    )


def _is_awaited(booking: Booking) -> bool:
    """Whether its step is open, in a live passage of a campaign that nobody stopped; or it has no step, or a
    person made it, who told the customer so."""
    if booking.step_id is None or booking.by_id is not None:
        return True
    steps = Step.objects.filter(pk=booking.step_id, state__in=Step.OPEN)
    live = steps.filter(enrollment__state=Enrollment.State.ACTIVE)
    return live.exclude(campaign__status=Campaign.Status.COMPLETED).exists()


def _look(client: ServiceTitanClient, booking: Booking) -> Answer:
    return client.get_booking(booking.servicetitan_id or 0)


@atomic_with_retry
def _follow(booking: Booking, answer: Answer, now: datetime) -> None:
    """Not settled yet: keep what is known and look again, ever more rarely."""
    state = _STATES.get(answer.status, Booking.State.SENT)
    wait = min(FIRST_LOOK_SECONDS * 2 ** min(booking.tries, _MOST_DOUBLINGS), LONGEST_LOOK_SECONDS)
    moved = sql.run(
        "UPDATE campaigns_booking SET servicetitan_id = %s, state = %s,"
        " state_at = CASE WHEN state = %s THEN state_at ELSE %s END,"
        " next_try_at = clock_timestamp() + %s * interval '1 second'"
        " WHERE id = %s AND state IN ('requested', 'sent', 'accepted')",
        [answer.id, state, state, now, wait, booking.pk],
    )
    if moved and booking.servicetitan_id is None:
        exits.on_booking_asked(booking, now=now)


@atomic_with_retry
def record(booking: Booking, *, servicetitan_id: int | None, job: Job, now: datetime) -> None:
    """The booking is a job: mirror it, complete the step and tell analytics, once.

    `servicetitan_id` is that of the request it came from, None where the job was created at once.
    """
    servicetitan_pages.apply_jobs(booking.account, [job])
    unsettled = Booking.objects.filter(pk=booking.pk).exclude(state=Booking.State.CONVERTED)
    moved = unsettled.update(
        state=Booking.State.CONVERTED,
        state_at=now,
        next_try_at=None,
        reason="",
        servicetitan_id=servicetitan_id,
        servicetitan_job_id=job.id,
    )
    if not moved:
        return
    mirrored = booking.account.jobs.filter(servicetitan_id=job.id).first()
    Booking.objects.filter(pk=booking.pk).update(job=mirrored)
    _complete_step(booking, BOOKED, now)
    job_booked.send(Booking, account_id=booking.account_id, booking_id=booking.pk, servicetitan_job_id=job.id)


def dismissed(booking: Booking, *, now: datetime) -> None:
    """The office does not want it: the booking is settled without a job, and its step goes on."""
    _close(booking, Booking.State.DISMISSED, "ServiceTitan's staff dismissed the request", now)


def _give_up(booking: Booking, reason: str, now: datetime) -> None:
    _close(booking, Booking.State.FAILED, reason, now)


@atomic_with_retry
def _close(booking: Booking, state: str, reason: str, now: datetime) -> None:
    """Settled without a job."""
    open_states = [Booking.State.REQUESTED, Booking.State.SENT, Booking.State.ACCEPTED]
    if Booking.objects.filter(pk=booking.pk, state__in=open_states).update(
        state=state, state_at=now, next_try_at=None, reason=reason[:_REASON_LENGTH]
    ):
        _complete_step(booking, NOT_BOOKED, now)


def _complete_step(booking: Booking, label: str, now: datetime) -> None:
    """Move the enrollment on from its book_job step, if it is still there. The step of a call that a person
    booked on goes on by the call's outcome."""
    if booking.step_id is None or booking.by_id is not None:
        return
    for step in locks.lock_open_steps([booking.step_id]):
        drawn = graph.load(step.version_id)
        outcome = Outcome([Row(step.step_id, step.enrollment_id)], State.COMPLETED, label=label)
        passages.settle(step.campaign_id, drawn, drawn.nodes[step.node_id], [outcome], now=now)
