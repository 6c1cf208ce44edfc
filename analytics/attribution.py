"""Which node won a job: the last accepted touch of that customer before it. Who tells of jobs is heard here.

A job is ours only with a link: our booking's id or its job id, a booking from a thread, the call it came
from, of a phone touched within the week before, or a call of ours, or to us, in which the customer talked
with somebody and during or soon after which it was made. Other new jobs with a touch before them are
influenced.
"""

from collections.abc import Collection
from typing import Any

from django.db import transaction

from accounts.models import Account
from analytics.judging import JUDGE
from analytics.metrics import TOUCH_KINDS
from analytics.models import CounterFill
from audiences.locks import hold_papers
from audiences.models import Job
from common import sql

SLICE = 500  # jobs judged in one transaction, where many wait
FILL = "standings"
CALL_DAYS = 7  # a call from a phone so long after our touch is its answer
TALK_MINUTES = 60  # a job made so long after the customer talked with us on the phone comes from that call

_JOBS_OF_BOOKING = """
select job.id from campaigns_booking booking
join audiences_job job on job.account_id = booking.account_id
 and (job.servicetitan_id = booking.servicetitan_job_id
      or job.servicetitan_booking_id = booking.servicetitan_id)
where booking.id = %s
"""
_JOBS_OF_CONTACTS = """
select job.id from audiences_contact contact
join audiences_job job on job.account_id = contact.account_id
 and job.servicetitan_customer_id = contact.servicetitan_customer_id
where contact.id = any(%s)
"""
_UNJUDGED = """
select job.id from audiences_job job
where job.id > %s and not exists (select from analytics_jobstanding standing where standing.job_id = job.id)
order by job.id limit %s
"""


@transaction.atomic
def credit(job_ids: Collection[int]) -> list[int]:
    """Judge these jobs of one or several accounts as their rows are now; returns those newly credited.

    The winner is the last text, mail or call the carrier accepted before the job was made, over all
    contacts of its customer and all campaigns, each within its own credit window; of two at the same
    instant the later message. Recalls, no-charge jobs and visits of recurring services win nothing, and
    lose what they had won before the source said so, whoever credited them; a cancelled job keeps its
    credit and brings nothing. Among the other jobs an admin's correction stands above all that. Repeating
    it changes nothing.
    """
    if not job_ids:
        return []
    accounts = Job.objects.filter(pk__in=job_ids).order_by("account_id").values_list("account_id", flat=True)
    for account_id in accounts.distinct():
        hold_papers(account_id)
    asked = {"kinds": list(TOUCH_KINDS), "call_days": CALL_DAYS, "talk_minutes": TALK_MINUTES}
    return sql.column(JUDGE, {"jobs": list(job_ids), **asked})


def credit_booking(booking_id: int) -> list[int]:
    """Credit the job that a booking of ours became, if it is mirrored already (else the sync brings it)."""
    return credit(sql.column(_JOBS_OF_BOOKING, [booking_id]))


@transaction.atomic
def judge_next(size: int = SLICE) -> bool:
    """Judge the next jobs that were mirrored by a release that did not; whether there may be more.

    Jobs are judged as they come; the migration that began it asked for the others.
    """
    fill = CounterFill.objects.select_for_update(no_key=True).filter(name=FILL).first()
    if fill is None:
        return False
    ids = sql.column(_UNJUDGED, [fill.cursor, size])
    if not ids:
        fill.delete()
        return False
    credit(ids)
    fill.cursor = max(ids)
    fill.save()
    return True


def on_job_booked(*, booking_id: int, **_: Any) -> None:
    """Receiver of `campaigns.signals.job_booked`, inside the booking's transaction."""
    credit_booking(booking_id)


def on_jobs_changed(*, job_ids: Collection[int], **_: Any) -> None:
    """Receiver of `audiences.signals.jobs_changed`, inside the sync's transaction."""
    credit(job_ids)


def on_contacts_merged(*, pairs: Collection[tuple[int, int]], **_: Any) -> None:
    """Receiver of `audiences.signals.threads_to_merge`, when messages have moved: whoever goes on may owe a
    job to what the other was sent."""
    credit(sql.column(_JOBS_OF_CONTACTS, [[stays for _, stays in pairs]]))


def on_job_papers_changed(*, account: Account, job_ids: Collection[int], **_: Any) -> None:
    """Receiver of `audiences.signals.job_papers_changed`, inside the sync's transaction."""
    credit(
        list(Job.objects.filter(account=account, servicetitan_id__in=job_ids).values_list("pk", flat=True))
    )
