"""How the past came to be counted when messages began to count by their exclusive status, and by day.

Each change counts itself since the migration that began it. What was before is counted here, campaign by
campaign, while the product runs: rows less counters, in one snapshot. Until all is done, figures of statuses
and of days fall short, and pages say so.
"""

from django.db import transaction

from analytics import fills, rollups
from common import sql

NAME = "statuses"
_OURS = "(\"column\" like 'text:%%' or \"column\" like 'email:%%' or \"column\" = 'exits_first')"
# What deleted rows had counted, told in the new words. When a message was accepted is no longer known by
# message: a sent one counts at its last news.
_BASELINE = """
with old as (
    delete from analytics_counterbaseline
    where campaign_id = %(campaign)s and "column" like 'text\\_%%'
    returning node_key, substring("column" from 6) as state, minute, n
),
kind as (
    select distinct on (node.key) node.key,
           case node.kind when 'send_email' then 'email:' else 'text:' end as kind
    from campaigns_campaign campaign
    join campaigns_workflowversion pinned on pinned.id = campaign.version_id
    join campaigns_workflowversion version on version.workflow_id = pinned.workflow_id
    join campaigns_node node on node.version_id = version.id
    where campaign.id = %(campaign)s order by node.key, version.number desc
)
insert into analytics_counterbaseline as kept (campaign_id, node_key, "column", minute, n)
select %(campaign)s, old.node_key, coalesce(kind.kind, 'text:') || told.state, old.minute, sum(old.n)
from old left join kind on kind.key = old.node_key
cross join lateral (
    select case when old.state in ('queued', 'calling', 'unknown') then 'pending'
        when old.state in ('accepted', 'sent', 'delivered', 'bounced', 'blocked') then 'sent'
        else old.state end as state
    union all
    select old.state where old.state in ('delivered', 'bounced', 'blocked')
) told
group by 1, 2, 3, 4
on conflict (campaign_id, node_key, "column", minute) do update set n = kept.n + excluded.n
"""
_FILL = f"""
insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
select %(campaign)s, node_key, "column", minute, sum(n)
from (
    select node.key as node_key, cell."column", date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
           count(*) as n
    from campaigns_enrollment enrollment
    join campaigns_step step on step.enrollment_id = enrollment.id
    join conversations_message message on message.origin = 'step:' || step.id
    join campaigns_node node on node.id = step.node_id
    cross join lateral analytics_message_cells(
        message.mailbox_id is not null, message.state, message.state_at, message.created_at,
        message.accepted_at, message.replied_at, message.opted_out_at, message.spam_reported_at,
        message.carries_link, message.clicked_at, null
    ) cell
    where enrollment.campaign_id = %(campaign)s and {_OURS}
    group by 1, 2, 3
    union all
    select '', 'exits_first', date_bin('1 minute', ended_at, timestamptz 'epoch'), count(*)
    from campaigns_enrollment
    where campaign_id = %(campaign)s and state = 'ended' and not "returning" group by 3
    union all
    select node_key, "column", minute, n from analytics_counterbaseline
    where campaign_id = %(campaign)s and {_OURS}
    union all
    select node_key, "column", minute, -n from analytics_counterminute
    where campaign_id = %(campaign)s and ({_OURS} or "column" like 'text\\_%%')
    union all
    select node_key, "column", minute, -n from analytics_counterdelta
    where campaign_id = %(campaign)s and ({_OURS} or "column" like 'text\\_%%')
) differing
group by node_key, "column", minute
having sum(n) <> 0
"""


def pending() -> bool:
    """Whether the past is still being counted."""
    return fills.pending(NAME)


def fill_next() -> bool:
    """Count the past of the next campaign; whether there may be another. Any part may be done twice."""
    return fills.fill_next(NAME, _count_past)


def _count_past(campaign: int) -> None:
    with transaction.atomic():
        sql.run(_BASELINE, {"campaign": campaign})
        sql.run(_FILL, {"campaign": campaign})
    rollups.make_days([campaign])
