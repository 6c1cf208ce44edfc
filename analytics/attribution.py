"""Which node won a job: the last accepted touch of that customer before it.

A job is ours only with a link (our booking's id or its job id). Other new jobs are never credited here.
"""

from collections.abc import Collection
from typing import Any

from django.db import connection

from analytics.metrics import TOUCH_KINDS

# One statement for a batch of jobs. A customer may have several contacts, in several campaigns, each with its
# own window; the contractor may have filed the job under another customer than the one we asked, so both
# count. Messages name their step in `origin`; the case keeps other origins from being read as a number.
_CREDIT = """
with linked as (
    select distinct on (job.id) job.id, job.account_id, job.created_on, booking.id as booking_id,
           array[job.servicetitan_customer_id, asked.servicetitan_customer_id] as customers,
           case when booking.step_id is null and booking.thread_id is not null then 'thread' else 'booking'
           end as link
    from audiences_job job
    join campaigns_booking booking on booking.account_id = job.account_id
     and (booking.servicetitan_job_id = job.servicetitan_id
          or booking.servicetitan_id = job.servicetitan_booking_id)
    join audiences_contact asked on asked.id = booking.contact_id
    where job.id = any(%(jobs)s)
      and not job.no_charge
      and job.recall_for_servicetitan_id is null
      and not exists (
          select from audiences_recurringvisit visit
          where visit.account_id = job.account_id and visit.servicetitan_job_id = job.servicetitan_id
            and visit.active
      )
      and not exists (select from analytics_jobcredit credit where credit.job_id = job.id)
    order by job.id, booking.id
)
insert into analytics_jobcredit
    (account_id, job_id, campaign_id, node_id, enrollment_id, message_id, booking_id, link, at)
select linked.account_id, linked.id, touch.campaign_id, touch.node_id, touch.enrollment_id, touch.message_id,
       linked.booking_id, linked.link, linked.created_on
from linked
cross join lateral (
    select step.campaign_id, step.node_id, step.enrollment_id, message.id as message_id
    from audiences_contact contact
    join conversations_message message on message.contact_id = contact.id
    join campaigns_step step
      on step.id = case when message.origin like 'step:%%' then substring(message.origin from 6)::bigint end
    join campaigns_node node on node.id = step.node_id
    join campaigns_campaign campaign on campaign.id = step.campaign_id
    where contact.account_id = linked.account_id
      and contact.servicetitan_customer_id = any(linked.customers)
      and node.kind = any(%(kinds)s)
      and message.accepted_at < linked.created_on
      and message.accepted_at >= linked.created_on - campaign.credit_window_days * interval '24 hours'
    order by message.accepted_at desc, message.id desc
    limit 1
) touch
on conflict (job_id) do nothing
returning job_id
"""

_JOBS_OF_BOOKING = """
select job.id from campaigns_booking booking
join audiences_job job on job.account_id = booking.account_id
 and (job.servicetitan_id = booking.servicetitan_job_id
      or job.servicetitan_booking_id = booking.servicetitan_id)
where booking.id = %s
"""


def credit(job_ids: Collection[int]) -> list[int]:
    """Credit those of these jobs that are ours, each once and for good; returns the newly credited.

    The winner is the last text, mail or call the carrier accepted before the job was made, over all
    contacts of its customer and all campaigns, each within its own credit window; of two at the same
    instant the later message. Recalls, no-charge jobs and visits of recurring services win nothing, the
    last as far as the source had told of them when the job came. Repeating it changes nothing.
    """
    if not job_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CREDIT, {"jobs": list(job_ids), "kinds": list(TOUCH_KINDS)})
        return sorted(job_id for (job_id,) in cursor.fetchall())


def credit_booking(booking_id: int) -> list[int]:
    """Credit the job that a booking of ours became, if it is mirrored already (else the sync brings it)."""
    with connection.cursor() as cursor:
        cursor.execute(_JOBS_OF_BOOKING, [booking_id])
        return credit([job_id for (job_id,) in cursor.fetchall()])


def on_job_booked(*, booking_id: int, **_: Any) -> None:
    """Receiver of `campaigns.signals.job_booked`, inside the booking's transaction."""
    credit_booking(booking_id)


def on_jobs_changed(*, job_ids: Collection[int], **_: Any) -> None:
    """Receiver of `audiences.signals.jobs_changed`, inside the sync's transaction."""
    credit(job_ids)
