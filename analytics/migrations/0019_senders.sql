-- A campaign message counts at the node of its step (`origin` is `step:<id>`): accepted, which never falls, its
-- one exclusive status, and what is told of it besides, each at its own minute. A status counts at the instant
-- the message took it: pending since it was queued, sent since the provider accepted it, and the others since
-- they were known. Delivered, bounced and blocked messages are sent ones, and count at their own instant too.
-- A text that was accepted counts at the number it left from, too.
--
-- Plans of a trigger are kept from its first call, when the changed rows may have been one: joins are held to
-- nested loops over primary keys, grouping to hashes, and rows before and after are never joined but cancelled
-- by grouping. What says nothing of a status is blanked before the grouping, so that leases, calls and retries
-- cancel there, and a flush's messages fall into few groups.

create or replace function analytics_message_cells(
  email boolean, state text, state_at timestamptz, created_at timestamptz, accepted_at timestamptz,
  replied_at timestamptz, opted_out_at timestamptz, spam_at timestamptz, linked boolean, clicked_at timestamptz,
  sender bigint
) returns table ("column" text, at timestamptz) language sql immutable as $$
  select cell."column", cell.at
  from (values
    ('accepted', accepted_at),
    (case when email then 'email:' else 'text:' end || case
        when state in ('queued', 'calling', 'unknown') then 'pending'
        when state in ('accepted', 'sent', 'delivered', 'bounced', 'blocked') then 'sent'
        else state end,
     case when state in ('queued', 'calling', 'unknown') then created_at
        when state in ('accepted', 'sent', 'delivered', 'bounced', 'blocked') then coalesce(accepted_at, state_at)
        else state_at end),
    (case when email then 'email:' else 'text:' end || state,
     case when state in ('delivered', 'bounced', 'blocked') then state_at end),
    (case when email then 'email:spam' else 'text:spam' end, spam_at),
    ('undelivered', case when accepted_at is not null
        and state in ('failed', 'rejected', 'expired', 'bounced', 'blocked') then state_at end),
    ('replies', replied_at),
    ('optouts', opted_out_at),
    ('linked', case when linked then accepted_at end),
    ('clicks', clicked_at),
    ('sent_from:' || sender, case when sender is not null then accepted_at end)
  ) cell ("column", at)
  where cell.at is not null
$$;

create or replace function analytics_count_messages() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    -- Leases, calls and retries change nothing counted: seen without a join, because the messages that came to
    -- one counted condition and those that left it are the same, as numbers and as hashes.
    if not exists (
      select from (
        select 1::bigint as sign, id, origin, mailbox_id is not null as email,
               case when state in ('calling', 'unknown') then 'queued' when state = 'sent' then 'accepted'
                 else state end as state,
               case when state in ('queued', 'calling', 'unknown')
                 or state in ('accepted', 'sent') and accepted_at is not null then null else state_at end as state_at,
               case when state in ('queued', 'calling', 'unknown') then created_at end as created_at,
               accepted_at, replied_at, opted_out_at, spam_reported_at, carries_link, clicked_at,
               case when accepted_at is not null then number_id end as sender
        from new_rows where origin like 'step:%'
        union all
        select -1, id, origin, mailbox_id is not null,
               case when state in ('calling', 'unknown') then 'queued' when state = 'sent' then 'accepted'
                 else state end,
               case when state in ('queued', 'calling', 'unknown')
                 or state in ('accepted', 'sent') and accepted_at is not null then null else state_at end,
               case when state in ('queued', 'calling', 'unknown') then created_at end,
               accepted_at, replied_at, opted_out_at, spam_reported_at, carries_link, clicked_at,
               case when accepted_at is not null then number_id end
        from old_rows where origin like 'step:%'
      ) both_rows
      group by email, state, state_at, created_at, accepted_at, replied_at, opted_out_at, spam_reported_at,
               carries_link, clicked_at, sender
      having sum(sign) <> 0 or sum(sign * id) <> 0 or sum(sign * hashtext(origin)) <> 0
    ) then
      return null;
    end if;

    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(changed.n)
    from (
      select step.campaign_id, step.node_id, message.email, message.state, message.state_at,
             message.created_at, message.accepted_at, message.replied_at, message.opted_out_at,
             message.spam_reported_at, message.carries_link, message.clicked_at, message.sender,
             sum(message.sign) as n
      from (
        select 1 as sign, origin, mailbox_id is not null as email,
               case when state in ('calling', 'unknown') then 'queued' when state = 'sent' then 'accepted'
                 else state end as state,
               case when state in ('queued', 'calling', 'unknown')
                 or state in ('accepted', 'sent') and accepted_at is not null then null else state_at end as state_at,
               case when state in ('queued', 'calling', 'unknown') then created_at end as created_at,
               accepted_at, replied_at, opted_out_at, spam_reported_at, carries_link, clicked_at,
               case when accepted_at is not null then number_id end as sender
        from new_rows where origin like 'step:%'
        union all
        select -1, origin, mailbox_id is not null,
               case when state in ('calling', 'unknown') then 'queued' when state = 'sent' then 'accepted'
                 else state end,
               case when state in ('queued', 'calling', 'unknown')
                 or state in ('accepted', 'sent') and accepted_at is not null then null else state_at end,
               case when state in ('queued', 'calling', 'unknown') then created_at end,
               accepted_at, replied_at, opted_out_at, spam_reported_at, carries_link, clicked_at,
               case when accepted_at is not null then number_id end
        from old_rows where origin like 'step:%'
      ) message
      join campaigns_step step on step.id = substring(message.origin from 6)::bigint
      group by step.campaign_id, step.node_id, message.email, message.state, message.state_at,
               message.created_at, message.accepted_at, message.replied_at, message.opted_out_at,
               message.spam_reported_at, message.carries_link, message.clicked_at, message.sender
      having sum(message.sign) <> 0
    ) changed
    join campaigns_node node on node.id = changed.node_id
    cross join lateral analytics_message_cells(
      changed.email, changed.state, changed.state_at, changed.created_at, changed.accepted_at,
      changed.replied_at, changed.opted_out_at, changed.spam_reported_at, changed.carries_link,
      changed.clicked_at, changed.sender
    ) cell
    group by changed.campaign_id, node.key, cell."column", minute
    having sum(changed.n) <> 0;

    -- What carries links counts once for each of them when the provider takes it: nobody else pays for that.
    if exists (select from new_rows where carries_link and accepted_at is not null) then
      insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
      select link.campaign_id, link.node_key, 'linked:' || link.id,
             date_bin('1 minute', message.accepted_at, timestamptz 'epoch') as minute, sum(message.n)
      from (
        select origin, accepted_at, sum(sign) as n
        from (
          select 1 as sign, origin, accepted_at from new_rows
          where carries_link and accepted_at is not null and origin like 'step:%'
          union all
          select -1, origin, accepted_at from old_rows
          where carries_link and accepted_at is not null and origin like 'step:%'
        ) both_rows
        group by origin, accepted_at having sum(sign) <> 0
      ) message
      join campaigns_linkcode code on code.step_id = substring(message.origin from 6)::bigint
      join campaigns_trackedlink link on link.id = code.link_id
      where not link.trap
      group by link.campaign_id, link.node_key, link.id, minute
      having sum(message.n) <> 0;
    end if;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select counted.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
           case tg_op when 'INSERT' then sum(counted.n) else -sum(counted.n) end
    from (
      select step.campaign_id, step.node_id, message.email, message.state, message.state_at,
             message.created_at, message.accepted_at, message.replied_at, message.opted_out_at,
             message.spam_reported_at, message.carries_link, message.clicked_at, message.sender,
             count(*) as n
      from (
        select origin, mailbox_id is not null as email, state, state_at,
               case when state in ('queued', 'calling', 'unknown') then created_at end as created_at,
               accepted_at, replied_at, opted_out_at, spam_reported_at, carries_link, clicked_at,
               case when accepted_at is not null then number_id end as sender
        from changed_rows where origin like 'step:%'
      ) message
      join campaigns_step step on step.id = substring(message.origin from 6)::bigint
      group by step.campaign_id, step.node_id, message.email, message.state, message.state_at,
               message.created_at, message.accepted_at, message.replied_at, message.opted_out_at,
               message.spam_reported_at, message.carries_link, message.clicked_at, message.sender
    ) counted
    join campaigns_node node on node.id = counted.node_id
    cross join lateral analytics_message_cells(
      counted.email, counted.state, counted.state_at, counted.created_at, counted.accepted_at,
      counted.replied_at, counted.opted_out_at, counted.spam_reported_at, counted.carries_link,
      counted.clicked_at, counted.sender
    ) cell
    group by counted.campaign_id, node.key, cell."column", minute;

    if exists (select from changed_rows where carries_link and accepted_at is not null) then
      insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
      select link.campaign_id, link.node_key, 'linked:' || link.id,
             date_bin('1 minute', message.accepted_at, timestamptz 'epoch') as minute,
             case tg_op when 'INSERT' then count(*) else -count(*) end
      from changed_rows message
      join campaigns_linkcode code on code.step_id = substring(message.origin from 6)::bigint
      join campaigns_trackedlink link on link.id = code.link_id
      where message.carries_link and message.accepted_at is not null and message.origin like 'step:%'
        and not link.trap
      group by link.campaign_id, link.node_key, link.id, minute;
    end if;
  end if;
  return null;
end $$;

create or replace trigger analytics_message_inserted after insert on conversations_message
referencing new table as changed_rows for each statement execute function analytics_count_messages();

create or replace trigger analytics_message_updated after update on conversations_message
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_messages();

create or replace trigger analytics_message_deleted after delete on conversations_message
referencing old table as changed_rows for each statement execute function analytics_count_messages();
-- A step counts as entered at the minute it was made, and under its present state at the minute it took it; a
-- closed one once more at that minute, by the way it left its node (`left:<label>`), or where its passage ended
-- there (`ended`): completed + failed + skipped = all `left:` + ended.
-- Rows before and after an update cancel by grouping; what is left changed something counted.
-- A step that leaves its node, or is deleted, takes the counts of its message, or of its call and its tries,
-- with it.

create or replace function analytics_step_cells(
  state text, state_at timestamptz, created_at timestamptz, outcome text
) returns table ("column" text, at timestamptz) language sql immutable as $$
  select cell."column", cell.at
  from (values
    ('entered', created_at),
    (state, state_at),
    (case
       when state = 'completed' and outcome = '' then 'left:next'
       when state = 'completed' or state in ('failed', 'skipped') and outcome <> '' then 'left:' || outcome
       when state in ('failed', 'skipped') then 'ended'
     end, state_at)
  ) cell ("column", at)
  where cell."column" is not null
$$;

create or replace function analytics_count_steps() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(changed.n)
    from (
      select campaign_id, node_id, state, state_at, created_at, outcome, sum(sign) as n
      from (
        select 1 as sign, campaign_id, node_id, state, state_at, created_at, outcome from new_rows
        union all
        select -1, campaign_id, node_id, state, state_at, created_at, outcome from old_rows
      ) both_rows
      group by campaign_id, node_id, state, state_at, created_at, outcome
      having sum(sign) <> 0
    ) changed
    join campaigns_node node on node.id = changed.node_id
    cross join lateral analytics_step_cells(
      changed.state, changed.state_at, changed.created_at, changed.outcome
    ) cell
    group by changed.campaign_id, node.key, cell."column", minute
    having sum(changed.n) <> 0;

    -- Only when some node's set of steps changed: the ids of those that came and went do not cancel.
    if exists (
      select from (
        select 1::bigint as sign, id, campaign_id, node_id from new_rows
        union all
        select -1, id, campaign_id, node_id from old_rows
      ) both_rows
      group by campaign_id, node_id
      having sum(sign) <> 0 or sum(sign * id) <> 0 or sum(sign * hashint8(id)) <> 0
    ) then
      insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
      select moved.campaign_id, node.key, cell."column",
             date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(moved.n)
      from (
        select id, campaign_id, node_id, sum(sign) as n
        from (
          select 1 as sign, id, campaign_id, node_id from new_rows
          union all
          select -1, id, campaign_id, node_id from old_rows
        ) both_rows
        group by id, campaign_id, node_id
        having sum(sign) <> 0
      ) moved
      join campaigns_node node on node.id = moved.node_id
      join conversations_message message on message.origin = 'step:' || moved.id
      cross join lateral analytics_message_cells(
        message.mailbox_id is not null, message.state, message.state_at, message.created_at,
        message.accepted_at, message.replied_at, message.opted_out_at, message.spam_reported_at,
        message.carries_link, message.clicked_at, message.number_id
      ) cell
      group by moved.campaign_id, node.key, cell."column", minute
      having sum(moved.n) <> 0;

      insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
      select moved.campaign_id, node.key, cell."column",
             date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(moved.n)
      from (
        select id, campaign_id, node_id, sum(sign) as n
        from (
          select 1 as sign, id, campaign_id, node_id from new_rows
          union all
          select -1, id, campaign_id, node_id from old_rows
        ) both_rows
        group by id, campaign_id, node_id
        having sum(sign) <> 0
      ) moved
      join campaigns_node node on node.id = moved.node_id
      join conversations_plannedcall planned on planned.origin = 'step:' || moved.id
      cross join lateral (
        select * from analytics_planned_call_cells(
          planned.state, planned.state_at, planned.created_at, planned.outcome,
          planned.first_accepted_at, planned.opted_out_at
        )
        union all
        select tried.* from conversations_call call
        cross join lateral analytics_call_cells(call.state, call.accepted_at, call.abandoned_at) tried
        where call.planned_id = planned.id
      ) cell
      group by moved.campaign_id, node.key, cell."column", minute
      having sum(moved.n) <> 0;
    end if;
    return null;
  end if;

  insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
  select step.campaign_id, node.key, cell."column",
         date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
         case tg_op when 'INSERT' then sum(step.n) else -sum(step.n) end
  from (
    select campaign_id, node_id, state, state_at, created_at, outcome, count(*) as n
    from changed_rows
    group by campaign_id, node_id, state, state_at, created_at, outcome
  ) step
  join campaigns_node node on node.id = step.node_id
  cross join lateral analytics_step_cells(step.state, step.state_at, step.created_at, step.outcome) cell
  group by step.campaign_id, node.key, cell."column", minute;

  if tg_op = 'DELETE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select step.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, -count(*)
    from changed_rows step
    join campaigns_node node on node.id = step.node_id
    join conversations_message message on message.origin = 'step:' || step.id
    cross join lateral analytics_message_cells(
      message.mailbox_id is not null, message.state, message.state_at, message.created_at,
        message.accepted_at, message.replied_at, message.opted_out_at, message.spam_reported_at,
        message.carries_link, message.clicked_at, message.number_id
    ) cell
    group by step.campaign_id, node.key, cell."column", minute;

    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select step.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, -count(*)
    from changed_rows step
    join campaigns_node node on node.id = step.node_id
    join conversations_plannedcall planned on planned.origin = 'step:' || step.id
    cross join lateral (
      select * from analytics_planned_call_cells(
        planned.state, planned.state_at, planned.created_at, planned.outcome,
        planned.first_accepted_at, planned.opted_out_at
      )
      union all
      select tried.* from conversations_call call
      cross join lateral analytics_call_cells(call.state, call.accepted_at, call.abandoned_at) tried
      where call.planned_id = planned.id
    ) cell
    group by step.campaign_id, node.key, cell."column", minute;
  end if;
  return null;
end $$;

create or replace trigger analytics_step_inserted after insert on campaigns_step
referencing new table as changed_rows for each statement execute function analytics_count_steps();

create or replace trigger analytics_step_updated after update on campaigns_step
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_steps();

create or replace trigger analytics_step_deleted after delete on campaigns_step
referencing old table as changed_rows for each statement execute function analytics_count_steps();
