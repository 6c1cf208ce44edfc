"""The proof of the counters: every cell against a GROUP BY of the raw rows, in one snapshot.

The queries here say again, in their own words, what the triggers in `sql/` count, and share nothing with
them: a mistake in one shows as a difference.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from common import sql

# What is compared: everything, or these campaigns, whose rows are found through their enrollments.
ALL = {"of": "true", "enrolled": "true"}
_THESE = {
    "of": "campaign_id = any(%(campaigns)s)",
    "enrolled": "step.enrollment_id in (select id from campaigns_enrollment"
    " where campaign_id = any(%(campaigns)s))",
}

_RAW = """
select campaign_id, node_id, 'entered' as "column", created_at as at from campaigns_step step
where {enrolled}
union all
select campaign_id, node_id, state, state_at from campaigns_step step where {enrolled}
union all
select campaign_id, node_id, 'ended', state_at from campaigns_step step
where {enrolled} and state = any(array['failed', 'skipped']) and outcome = ''
union all
select campaign_id, node_id, concat('left:', coalesce(nullif(outcome, ''), 'next')), state_at
from campaigns_step step
where {enrolled}
  and (state = 'completed' or outcome <> '' and state = any(array['failed', 'skipped']))
union all
select step.campaign_id, step.node_id, fact."column", fact.at
from campaigns_step step
join conversations_message message on message.origin = 'step:' || step.id
cross join lateral (
    select case when message.mailbox_id is null then 'text:' else 'email:' end as prefix
) channel
cross join lateral (
    select 'accepted', message.accepted_at where message.accepted_at is not null
    union all
    select channel.prefix || case
               when message.state = any(array['queued', 'calling', 'unknown']) then 'pending'
               when message.state = any(array['accepted', 'sent', 'delivered', 'bounced', 'blocked'])
                   then 'sent'
               else message.state
           end,
           case
               when message.state = any(array['queued', 'calling', 'unknown']) then message.created_at
               when message.state = any(array['accepted', 'sent', 'delivered', 'bounced', 'blocked'])
                    and message.accepted_at is not null then message.accepted_at
               else message.state_at
           end
    union all
    select channel.prefix || message.state, message.state_at
    where message.state = any(array['delivered', 'bounced', 'blocked'])
    union all
    select channel.prefix || 'spam', message.spam_reported_at where message.spam_reported_at is not null
    union all
    select 'undelivered', message.state_at
    where message.accepted_at is not null
      and message.state = any(array['failed', 'rejected', 'expired', 'bounced', 'blocked'])
    union all
    select 'replies', message.replied_at where message.replied_at is not null
    union all
    select 'optouts', message.opted_out_at where message.opted_out_at is not null
    union all
    select 'linked', message.accepted_at where message.carries_link and message.accepted_at is not null
    union all
    select 'clicks', message.clicked_at where message.clicked_at is not null
    union all
    select concat('sent_from:', message.number_id), message.accepted_at
    where message.accepted_at is not null and message.number_id is not null
) fact ("column", at)
where {enrolled}
union all
select step.campaign_id, step.node_id, concat('call:', fact."column"), fact.at
from campaigns_step step
join conversations_plannedcall planned on planned.origin = 'step:' || step.id
cross join lateral (
    select 'pending', planned.created_at
    where planned.state <> all(array['called', 'failed', 'rejected', 'expired', 'cancelled'])
    union all
    select 'sent', planned.state_at where planned.state = 'called'
    union all
    select planned.outcome, planned.state_at where planned.state = 'called'
    union all
    select planned.state, planned.state_at
    where planned.state = any(array['failed', 'rejected', 'expired', 'cancelled'])
    union all
    select 'reached', planned.first_accepted_at where planned.first_accepted_at is not null
    union all
    select 'optouts', planned.opted_out_at where planned.opted_out_at is not null
    union all
    select 'accepted', call.accepted_at from conversations_call call
    where call.planned_id = planned.id and call.accepted_at is not null and call.state <> 'refused'
    union all
    select 'abandoned', call.abandoned_at from conversations_call call
    where call.planned_id = planned.id and call.abandoned_at is not null and call.state <> 'refused'
) fact ("column", at)
where {enrolled}
union all
select campaign_id, node_id, 'booked', at from analytics_jobcredit where {of}
union all
select campaign_id, null, 'entries', entered_at from campaigns_enrollment where {of}
union all
select campaign_id, null, 'audience', entered_at from campaigns_enrollment where {of} and not "returning"
union all
select campaign_id, null, 'active', entered_at from campaigns_enrollment where {of} and state = 'active'
union all
select campaign_id, null, 'exits', ended_at from campaigns_enrollment where {of} and state = 'ended'
union all
select campaign_id, null, 'exits_first', ended_at from campaigns_enrollment
where {of} and state = 'ended' and not "returning"
union all
select campaign_id, null, 'exits:' || ended_reason, ended_at from campaigns_enrollment
where {of} and state = 'ended'
union all
select campaign_id, null, 'excluded', at from campaigns_exclusion where {of}
union all
select campaign_id, null, 'excluded:' || reason, at from campaigns_exclusion where {of}
"""

# What jobs brought is added up from the invoices themselves, and from those that adjust them without naming a
# job, one below the other.
_JOBS = """
select campaign_id, node_id, at, job_id, true as credited, cancelled, completed, invoiced
from analytics_jobcredit where {of}
union all
select campaign_id, node_id, at, job_id, false, stage = 'cancelled', false, false
from analytics_jobstanding where {of} and verdict = 'influenced'
"""
_BROUGHT = f"""
select won.campaign_id, won.node_id, won.at, fact."column", fact.n
from ({_JOBS}) won
cross join lateral (
    with recursive billed as (
        select invoice.account_id, invoice.servicetitan_id, invoice.total, invoice.active
        from audiences_job job
        join audiences_invoice invoice on invoice.servicetitan_job_id = job.servicetitan_id
         and invoice.account_id = job.account_id
        where job.id = won.job_id
        union
        select memo.account_id, memo.servicetitan_id, memo.total, memo.active
        from billed join audiences_invoice memo on memo.adjusts_servicetitan_id = billed.servicetitan_id
         and memo.account_id = billed.account_id
        where memo.servicetitan_job_id is null
    )
    select round(100 * sum(total)) as cents from billed where active and not won.cancelled
) brought
cross join lateral (values
    ('revenue', case when won.credited then coalesce(brought.cents, 0) else 0 end),
    ('influenced_revenue', case when won.credited then 0 else coalesce(brought.cents, 0) end),
    ('job_completed', won.completed::int), ('job_invoiced', won.invoiced::int),
    ('job_cancelled', case when won.credited then won.cancelled::int else 0 end),
    ('influenced', case when won.credited then 0 else 1 end)
) fact ("column", n)
where fact.n <> 0
"""

# A link counts at the node whose words it was found in, wherever a step of it has been moved since.
_LINKS = """
select link.campaign_id, link.node_key, concat(fact.name, ':', link.id) as "column", fact.at
from (select * from campaigns_trackedlink where {of} and not trap) link
join campaigns_linkcode code on code.link_id = link.id
cross join lateral (
    select 'clicks', code.clicked_at
    union all
    select 'machines', code.machine_at
    union all
    select 'linked', message.accepted_at from conversations_message message
    where message.origin = 'step:' || code.step_id and message.carries_link
) fact (name, at)
where fact.at is not null
"""

COMPARE = f"""
with present as materialized (
    select raw.campaign_id, coalesce(node.key, '') as node_key, raw."column",
           to_timestamp(floor(extract(epoch from raw.at) / 60) * 60) as minute, count(*) as n
    from ({_RAW}) raw
    left join campaigns_node node on node.id = raw.node_id
    group by 1, 2, 3, 4
    union all
    select brought.campaign_id, node.key, brought."column",
           to_timestamp(floor(extract(epoch from brought.at) / 60) * 60) as minute, sum(brought.n) as n
    from ({_BROUGHT}) brought
    join campaigns_node node on node.id = brought.node_id
    group by 1, 2, 3, 4
    union all
    select campaign_id, node_key, "column", to_timestamp(floor(extract(epoch from at) / 60) * 60), count(*)
    from ({_LINKS}) followed
    group by 1, 2, 3, 4
    union all
    -- what rows deleted since had counted: see `analytics.retention`
    select campaign_id, node_key, "column", minute, n from analytics_counterbaseline
    where {{of}} and "column" <> 'contacts_reached'
),
zone as materialized (
    select campaign.id as campaign_id, account.timezone
    from campaigns_campaign campaign join accounts_account account on account.id = campaign.account_id
),
local as (
    -- days and months are those of the account, over all nodes; passing states have none
    select campaign_id, "column", minute at time zone coalesce(zone.timezone, 'UTC') as here, n
    from present left join zone using (campaign_id)
    where "column" <> all(array['scheduled', 'queued', 'waiting', 'active', 'entered'])
),
raw_cells as (
    select 'minute' as level, campaign_id, node_key, "column", minute as at, sum(n) as n
    from present group by campaign_id, node_key, "column", minute
    union all
    select 'hour', campaign_id, node_key, "column",
           to_timestamp(floor(extract(epoch from minute) / 3600) * 3600) as at, sum(n)
    from present group by campaign_id, node_key, "column", at
    union all
    select 'total', campaign_id, node_key, "column", '-infinity', sum(n)
    from present group by campaign_id, node_key, "column"
    union all
    select 'day', campaign_id, '', "column", date_trunc('day', here) at time zone 'UTC' as at, sum(n)
    from local group by campaign_id, "column", at
    union all
    select 'month', campaign_id, '', "column", date_trunc('month', here) at time zone 'UTC' as at, sum(n)
    from local group by campaign_id, "column", at
),
kept_cells as (
    select level, campaign_id, node_key, "column", at, sum(n) as n
    from (
        select 'minute' as level, campaign_id, node_key, "column", minute as at, n
        from analytics_counterminute where {{of}}
        union all
        select 'hour', campaign_id, node_key, "column", hour, n from analytics_counterhour where {{of}}
        union all
        select 'total', campaign_id, node_key, "column", '-infinity', n from analytics_countertotal
        where {{of}}
        union all
        select 'day', campaign_id, '', "column", day::timestamp at time zone 'UTC', n
        from analytics_counterday where {{of}}
        union all
        select 'month', campaign_id, '', "column", month::timestamp at time zone 'UTC', n
        from analytics_countermonth where {{of}}
        union all
        select tail.level, campaign_id, '', "column", date_trunc(tail.level, here) at time zone 'UTC', n
        from (
            select campaign_id, "column", minute at time zone coalesce(zone.timezone, 'UTC') as here, n
            from analytics_counterdelta left join zone using (campaign_id)
            where {{of}} and "column" <> all(array['scheduled', 'queued', 'waiting', 'active', 'entered'])
        ) delta
        cross join (values ('day'), ('month')) tail (level)
        union all
        select tail.level, campaign_id, node_key, "column", tail.at, n
        from analytics_counterdelta
        cross join lateral (values
            ('minute', minute),
            ('hour', to_timestamp(floor(extract(epoch from minute) / 3600) * 3600)),
            ('total', '-infinity'::timestamptz)
        ) tail (level, at)
        where {{of}}
    ) kept
    group by level, campaign_id, node_key, "column", at
)
select level, campaign_id, node_key, "column", nullif(at, '-infinity') as at,
       coalesce(kept_cells.n, 0) as counted, coalesce(raw_cells.n, 0) as rows
from raw_cells full join kept_cells using (level, campaign_id, node_key, "column", at)
-- of edges only once their past is counted, too: see `analytics.edge_counts`
where (
    not exists (select from analytics_counterfill where name = 'edges')
    or "column" <> 'ended' and "column" not like 'left:%%'
)
-- of messages' statuses, and of days and months, likewise: see `analytics.status_counts`
and (
    not exists (select from analytics_counterfill where name = 'statuses')
    or level not in ('day', 'month') and "column" <> 'exits_first'
       and "column" !~ '^(text|email)[:_]'
)
-- of what each number sent, likewise: see `analytics.number_counts`
and (
    not exists (select from analytics_counterfill where name = 'senders')
    or "column" not like 'sent\\_from:%%'
)
-- of what jobs brought, likewise: see `analytics.attribution`
and (
    not exists (select from analytics_counterfill where name = 'standings')
    or "column" <> all(array['revenue', 'influenced', 'influenced_revenue', 'job_completed', 'job_invoiced',
                             'job_cancelled'])
)
"""

_DIFFERENCES = f"""
with compared as materialized ({COMPARE})
select (select count(*) from compared where counted <> 0 or rows <> 0) as cells, difference.*
from (select) once
left join (select * from compared where counted <> rows) difference on true
order by campaign_id, node_key, "column", level, at
"""


@dataclass(frozen=True)
class Difference:
    """One cell that disagrees: what the counters say, and how many rows there are."""

    level: str
    campaign: int
    node: str
    column: str
    at: str | None
    counted: int
    rows: int

    def __str__(self) -> str:
        when = f" in the {self.level} of {self.at}" if self.at else " in all"
        where = f"node {self.node}" if self.node else "the campaign itself"
        figures = f"counted {self.counted}, rows {self.rows}"
        return f"campaign {self.campaign}, {where}, {self.column}{when}: {figures}"


@dataclass(frozen=True)
class Recount:
    """How many cells were compared, and those that differ."""

    cells: int
    differences: list[Difference]

    def as_json(self) -> dict[str, Any]:
        """The shape that `manage.py recount --json` prints."""
        return {"cells": self.cells, "differences": [asdict(difference) for difference in self.differences]}


def recount(campaign_ids: Collection[int] | None = None) -> Recount:
    """Compare every total and each month, day, hour and minute, unsquashed deltas included, with the rows.

    One statement, hence one snapshot: it may run at any moment beside writers and squash. It reads every
    step and message (with `campaign_ids`, those of these campaigns), so it takes seconds per million.
    """
    which, values = (ALL, {}) if campaign_ids is None else (_THESE, {"campaigns": list(campaign_ids)})
    found = sql.rows(_DIFFERENCES.format(**which), values)
    return Recount(cells=found[0][0], differences=[_difference(*row[1:]) for row in found if row[1]])


def _difference(
    level: str, campaign: int, node: str, column: str, at: datetime | None, counted: int, rows: int
) -> Difference:
    return Difference(level, campaign, node, column, at.isoformat() if at else None, int(counted), int(rows))
