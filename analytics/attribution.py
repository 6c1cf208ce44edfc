"""Which node won a job: the last accepted touch of that customer before it. Who tells of jobs is heard here.

A job is ours only with a link: our booking's id or its job id, a booking from a thread, the call it came
from, of a phone touched within the week before, or a call of ours, or to us, in which the customer talked
with somebody and during or soon after which it was made. Other new jobs with a touch before them are
influenced. What is known of a call may come later than the job: `judge_talks` looks again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Account
from analytics.judging import JUDGE, TALK_TIES
from analytics.metrics import TOUCH_KINDS
from analytics.models import CounterFill
from audiences.locks import hold_papers
from audiences.models import Job
from common import sql

SLICE = 500  # jobs judged in one transaction, where many wait
FILL = "standings"
CALL_DAYS = 7  # a call from a phone so long after our touch is its answer
TALK_MINUTES = 60  # a job made so long after the customer talked with us on the phone comes from that call
LATE_NEWS = timedelta(days=1)  # of a call: that somebody talked, or that it was a voicemail after all
_TIMES = {"call_days": CALL_DAYS, "talk_minutes": TALK_MINUTES}  # as the statements take them

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
# Jobs made while or after somebody of their customer was on the phone with us, of which what is known of that
# call by now says something else than their credit does.
_TALKED_ANEW = f"""
select distinct job.id
from conversations_call talk
join audiences_contact contact on contact.id = talk.contact_id
join audiences_job job
  on job.account_id = contact.account_id and job.servicetitan_customer_id = contact.servicetitan_customer_id
 and job.created_on >= talk.created_at
join analytics_jobstanding standing on standing.job_id = job.id
left join analytics_jobcredit credit on credit.job_id = job.id
where talk.account_id in (select id from accounts_account) and talk.created_at > %(since)s
  and talk.connected_at is not null
  and case when credit.talk_id = talk.id and credit.link = 'talk' then not ({TALK_TIES})
           else standing.reason = 'no_link' and ({TALK_TIES}) end
order by job.id limit {SLICE}
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
    return sql.column(JUDGE, {"jobs": list(job_ids), "kinds": list(TOUCH_KINDS), **_TIMES})


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


@transaction.atomic
def judge_talks(now: datetime) -> int:
    """Judge again what was judged before all was known of a call; how many jobs.

    That somebody talked may be heard after the job itself, and an agent says only afterwards that it was a
    voicemail which answered. Calls of the last day are looked at; where nothing differs, nothing is judged.
    """
    ids = sql.column(_TALKED_ANEW, {"since": now - LATE_NEWS, **_TIMES})
    credit(ids)
    return len(ids)


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
