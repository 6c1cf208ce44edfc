"""The rule of credit as one statement: of each job of a batch, what ties it to us, which touch came last
before it, what it brought; and what follows from that, written where it differs.

It is a function of the rows as they are, so that the order in which they came, or came again, changes
nothing. An admin's latest correction stands above the rule, but for jobs that nothing ever wins.
"""

# A booking of ours: by its job's id, by its own id, or as ServiceTitan has it under the name we gave it. The
# contractor may have filed the job under another customer than the one we asked, so both count.
_BOOKINGS = """
    select booking.id as booking_id, null::bigint as call_id, null::bigint as talk_id, booking.contact_id,
           case when booking.step_id is null and booking.thread_id is not null then 'thread' else 'booking'
           end as link
    from (
        select id from campaigns_booking
        where account_id = job.account_id and servicetitan_job_id = job.servicetitan_id
        union
        select id from campaigns_booking
        where account_id = job.account_id and servicetitan_id = job.servicetitan_booking_id
        union
        select named.id from audiences_bookingatsource source
        join campaigns_booking named
          on named.account_id = source.account_id and named.external_id = source.external_id
        where source.account_id = job.account_id and source.active
          and (source.servicetitan_job_id = job.servicetitan_id
               or source.servicetitan_id = job.servicetitan_booking_id)
    ) ours
    join campaigns_booking booking on booking.id = ours.id
"""
# The call that the job came from, of a phone that we had texted or called in the week before it, or whose
# contact we had emailed.
_CALLS = """
    select null, call.id, null, touched.contact_id, 'call'
    from audiences_callatsource call
    join audiences_address phone
      on phone.account_id = call.account_id and phone.channel = 'phone' and phone.value = call.phone
    cross join lateral (
        select message.id, message.contact_id, message.accepted_at, message.origin
        from conversations_message message where message.address_id = phone.id
        union all
        select message.id, message.contact_id, message.accepted_at, message.origin
        from audiences_contactaddress has
        join conversations_message message
          on message.contact_id = has.contact_id and message.mailbox_id is not null
        where has.address_id = phone.id
        union all
        select null, placed.contact_id, placed.accepted_at, planned.origin
        from conversations_call placed
        join conversations_plannedcall planned on planned.id = placed.planned_id
        where placed.address_id = phone.id and placed.state <> 'refused'
    ) touched
    join campaigns_step step
      on step.id = case when touched.origin like 'step:%%' then substring(touched.origin from 6)::bigint end
    join campaigns_node node on node.id = step.node_id and node.kind = any(%(kinds)s)
    where call.account_id = job.account_id and call.servicetitan_id = job.servicetitan_lead_call_id
      and call.active and call.direction = 'Inbound' and call.phone <> ''
      and touched.accepted_at <= call.at
      and touched.accepted_at >= call.at - %(call_days)s * interval '24 hours'
"""
# Whether the call `talk` with the contact `contact` ties the `job` to us: the customer talked with somebody
# of ours, and it was made in that call or soon after. One that we placed, for a campaign, as a call back or
# by an agent, does; one to a number of ours does in the week after a touch. The line alone takes a voicemail
# for somebody who answered: what the agent said of the call counts.
TALK_TIES = """
    talk.connected_at <= job.created_on
    and coalesce(talk.ended_at, job.created_on) + %(talk_minutes)s * interval '1 minute' >= job.created_on
    and talk.connected_at > job.created_on - interval '1 day'
    and talk.outcome <> all(array['voicemail', 'no_answer', 'busy'])
    and (talk.direction = 'out' or exists (
        select from (
            select message.accepted_at, message.origin from conversations_message message
            where message.contact_id = contact.id
            union all
            select placed.accepted_at, meant.origin from conversations_call placed
            join conversations_plannedcall meant on meant.id = placed.planned_id
            where placed.contact_id = contact.id and placed.state <> 'refused'
        ) touched
        where touched.origin like 'step:%%' and touched.accepted_at <= talk.created_at
          and touched.accepted_at >= talk.created_at - %(call_days)s * interval '24 hours'
    ))
"""
_TALKS = f"""
    select null, null, talk.id, contact.id, 'talk'
    from audiences_contact contact
    join conversations_call talk on talk.contact_id = contact.id
    where contact.account_id = job.account_id
      and contact.servicetitan_customer_id = job.servicetitan_customer_id
      and {TALK_TIES}
"""
# A customer may have several contacts, in several campaigns, each with its own window. Messages and planned
# calls name their step in `origin`; the case keeps other origins from being read as a number.
_TOUCH = """
    select last.* from (
        ({messages})
        union all
        ({calls})
    ) last
    order by last.accepted_at desc, last.message_id desc nulls last, last.phone_call_id desc limit 1
"""
_BY_MESSAGE = """
    select step.campaign_id, step.node_id, step.enrollment_id, message.id as message_id,
           null::bigint as phone_call_id, message.accepted_at
    from audiences_contact contact
    join conversations_message message on message.contact_id = contact.id
    join campaigns_step step
      on step.id = case when message.origin like 'step:%%' then substring(message.origin from 6)::bigint end
    join campaigns_node node on node.id = step.node_id
    join campaigns_campaign campaign on campaign.id = step.campaign_id
    where contact.account_id = job.account_id
      and contact.servicetitan_customer_id in (job.servicetitan_customer_id, linked.customer_id)
      and node.kind = any(%(kinds)s)
      and message.accepted_at < job.created_on
      and message.accepted_at >= job.created_on - campaign.credit_window_days * interval '24 hours'
    order by message.accepted_at desc, message.id desc
    limit 1
"""
_BY_CALL = """
    select step.campaign_id, step.node_id, step.enrollment_id, null, placed.id, placed.accepted_at
    from audiences_contact contact
    join conversations_call placed on placed.contact_id = contact.id
    join conversations_plannedcall planned on planned.id = placed.planned_id
    join campaigns_step step
      on step.id = case when planned.origin like 'step:%%' then substring(planned.origin from 6)::bigint end
    join campaigns_node node on node.id = step.node_id
    join campaigns_campaign campaign on campaign.id = step.campaign_id
    where contact.account_id = job.account_id
      and contact.servicetitan_customer_id in (job.servicetitan_customer_id, linked.customer_id)
      and node.kind = any(%(kinds)s) and placed.state <> 'refused'
      and placed.accepted_at < job.created_on
      and placed.accepted_at >= job.created_on - campaign.credit_window_days * interval '24 hours'
    order by placed.accepted_at desc, placed.id desc
    limit 1
"""
_TOUCH = _TOUCH.format(messages=_BY_MESSAGE, calls=_BY_CALL)
# Invoices of a job, and those that adjust them without naming a job, and so on.
_PAPERS = """
    select job.id as job_id, job.account_id, invoice.servicetitan_id, invoice.total, invoice.active
    from job join audiences_invoice invoice
      on invoice.account_id = job.account_id and invoice.servicetitan_job_id = job.servicetitan_id
    union
    select paper.job_id, paper.account_id, invoice.servicetitan_id, invoice.total, invoice.active
    from paper join audiences_invoice invoice
      on invoice.account_id = paper.account_id and invoice.adjusts_servicetitan_id = paper.servicetitan_id
     and invoice.servicetitan_job_id is null
"""

JUDGE = f"""
with recursive job as materialized (
    select job.*, (not job.active or job.status = 'Canceled') as cancelled,
           case when job.recall_for_servicetitan_id is not null then 'recall'
                when exists (
                    select from audiences_recurringvisit visit
                    where visit.account_id = job.account_id
                      and visit.servicetitan_job_id = job.servicetitan_id and visit.active
                ) then 'recurring'
                when job.no_charge then 'no_charge'
           end as never
    from audiences_job job where job.id = any(%(jobs)s)
),
paper as ({_PAPERS}),
money as (
    select job_id,
           coalesce(sum(total * 100) filter (where total > 0), 0)::bigint as invoiced,
           coalesce(sum(total * -100) filter (where total < 0), 0)::bigint as refunded,
           bool_or(total <> 0) as billed
    from paper where active group by job_id
),
found as materialized (
    select job.*, linked.booking_id, linked.call_id, linked.talk_id, linked.link, said.verdict as said,
           coalesce(said.campaign_id, touch.campaign_id) as campaign_id,
           coalesce(said.node_id, touch.node_id) as node_id,
           coalesce(said.enrollment_id, touch.enrollment_id) as enrollment_id,
           case when said.touched then said.message_id else touch.message_id end as message_id,
           case when said.touched then said.phone_call_id else touch.phone_call_id end as phone_call_id,
           coalesce(money.invoiced, 0) as invoiced_cents, coalesce(money.refunded, 0) as refunded_cents,
           case when job.cancelled then 0 else coalesce(money.invoiced - money.refunded, 0)
           end as revenue_cents,
           not job.cancelled and coalesce(money.billed, false) as billed
    from job
    left join money on money.job_id = job.id
    left join lateral (
        select tie.booking_id, tie.call_id, tie.talk_id, tie.link,
               asked.servicetitan_customer_id as customer_id
        from ({_BOOKINGS} union all {_CALLS} union all {_TALKS}) tie
        join audiences_contact asked on asked.id = tie.contact_id
        order by tie.booking_id, tie.call_id, tie.talk_id, tie.contact_id limit 1
    ) linked on true
    left join lateral ({_TOUCH}) touch on true
    left join lateral (
        select correction.verdict, correction.message_id, correction.phone_call_id, step.campaign_id,
               step.node_id, step.enrollment_id, correction.verdict = 'touch' as touched
        from analytics_creditcorrection correction
        left join conversations_message message on message.id = correction.message_id
        left join conversations_call placed on placed.id = correction.phone_call_id
        left join conversations_plannedcall planned on planned.id = placed.planned_id
        left join lateral (select coalesce(message.origin, planned.origin) as origin) came on true
        left join campaigns_step step
          on step.id = case when came.origin like 'step:%%'
                            then substring(came.origin from 6)::bigint end
        where correction.job_id = job.id
        order by correction.id desc limit 1
    ) said on true
),
judged as materialized (
    select found.*,
           case when never is not null or coalesce(message_id, phone_call_id) is null then 'none'
                when said = 'touch' then 'credited'
                when link is not null and said is distinct from 'none' then 'credited'
                else 'influenced' end as verdict,
           case when never is not null then never
                when said = 'touch' then ''
                when said = 'none' then 'corrected'
                when link is null then 'no_link'
                when coalesce(message_id, phone_call_id) is null then 'no_touch'
                else '' end as reason,
           case when cancelled then 'cancelled'
                when refunded_cents > 0 and refunded_cents >= invoiced_cents then 'refunded'
                when billed then 'invoiced'
                when status = 'Completed' then 'completed'
                else 'booked' end as stage
    from found
),
credited as (
    insert into analytics_jobcredit as kept
        (account_id, job_id, campaign_id, node_id, enrollment_id, message_id, phone_call_id, booking_id,
         call_id, talk_id, link, at, revenue_cents, completed, invoiced, cancelled)
    select account_id, id, campaign_id, node_id, enrollment_id, message_id, phone_call_id, booking_id,
           call_id, talk_id,
           case when said = 'touch' then 'correction' else link end, created_on,
           revenue_cents, not cancelled and status = 'Completed', billed, cancelled
    from judged where verdict = 'credited'
    order by id
    on conflict (job_id) do update set
        campaign_id = excluded.campaign_id, node_id = excluded.node_id,
        enrollment_id = excluded.enrollment_id, message_id = excluded.message_id,
        phone_call_id = excluded.phone_call_id, booking_id = excluded.booking_id,
        call_id = excluded.call_id, talk_id = excluded.talk_id, link = excluded.link,
        at = excluded.at, revenue_cents = excluded.revenue_cents, completed = excluded.completed,
        invoiced = excluded.invoiced, cancelled = excluded.cancelled
    where row(kept.message_id, kept.phone_call_id, kept.node_id, kept.enrollment_id, kept.booking_id,
              kept.call_id, kept.talk_id, kept.link, kept.at, kept.revenue_cents, kept.completed,
              kept.invoiced, kept.cancelled)
        is distinct from
          row(excluded.message_id, excluded.phone_call_id, excluded.node_id, excluded.enrollment_id,
              excluded.booking_id, excluded.call_id, excluded.talk_id, excluded.link, excluded.at,
              excluded.revenue_cents, excluded.completed, excluded.invoiced, excluded.cancelled)
    returning job_id, xmax = 0 as fresh
),
withdrawn as (
    delete from analytics_jobcredit credit using judged
    where credit.job_id = judged.id and judged.verdict <> 'credited'
),
standing as (
    insert into analytics_jobstanding as kept
        (job_id, account_id, at, business_unit_id, stage, invoiced_cents, refunded_cents, revenue_cents,
         verdict, reason, campaign_id, node_id, enrollment_id, message_id, phone_call_id)
    select id, account_id, created_on, business_unit_id, stage, invoiced_cents, refunded_cents, revenue_cents,
           verdict, reason,
           case when verdict <> 'none' then campaign_id end, case when verdict <> 'none' then node_id end,
           case when verdict <> 'none' then enrollment_id end,
           case when verdict <> 'none' then message_id end,
           case when verdict <> 'none' then phone_call_id end
    from judged order by id
    on conflict (job_id) do update set
        at = excluded.at, business_unit_id = excluded.business_unit_id, stage = excluded.stage,
        invoiced_cents = excluded.invoiced_cents, refunded_cents = excluded.refunded_cents,
        revenue_cents = excluded.revenue_cents, verdict = excluded.verdict, reason = excluded.reason,
        campaign_id = excluded.campaign_id, node_id = excluded.node_id,
        enrollment_id = excluded.enrollment_id, message_id = excluded.message_id,
        phone_call_id = excluded.phone_call_id
    where row(kept.*) is distinct from row(excluded.*)
)
select job_id from credited where fresh order by job_id
"""
"""Parameters: `jobs`, `kinds` of nodes that touch, `call_days`, `talk_minutes`. Gives the newly credited."""
