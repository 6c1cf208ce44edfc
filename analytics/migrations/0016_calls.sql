-- A campaign's planned call counts at the node of its step (`origin` is `step:<id>`): under its one exclusive
-- status, since it was planned while it is pending and else since it took it; once more by its outcome, at the
-- same instant, so that the outcomes of any range add up to its sent ones; as reached, when the carrier took its
-- first try, which never falls; and at the opt-out that answered it.
-- Its tries count for themselves, when the carrier took each, which never falls, and when one was abandoned.
--
-- As in `count_messages.sql`: plans of a trigger are kept from its first call, so that joins are held to nested
-- loops over primary keys and grouping to hashes; rows before and after are never joined but cancelled by
-- grouping; and what says nothing of a status is blanked before, so that taking, calling, putting off and the
-- many callbacks of a call cancel there. A planned call that is deleted takes the counts of its tries with it,
-- whichever of them goes first. A refused try was proven not taken and never counts.

create or replace function analytics_planned_call_cells(
  state text, state_at timestamptz, created_at timestamptz, outcome text, first_accepted_at timestamptz,
  opted_out_at timestamptz
) returns table ("column" text, at timestamptz) language sql immutable as $$
  select cell."column", cell.at
  from (values
    ('call:' || case
        when state in ('queued', 'taken', 'calling', 'unknown') then 'pending'
        when state = 'called' then 'sent'
        else state end,
     case when state in ('queued', 'taken', 'calling', 'unknown') then created_at else state_at end),
    ('call:' || outcome, case when state = 'called' then state_at end),
    ('call:reached', first_accepted_at),
    ('call:optouts', opted_out_at)
  ) cell ("column", at)
  where cell.at is not null
$$;

create or replace function analytics_call_cells(
  state text, accepted_at timestamptz, abandoned_at timestamptz
) returns table ("column" text, at timestamptz) language sql immutable as $$
  select cell."column", cell.at
  from (values ('call:accepted', accepted_at), ('call:abandoned', abandoned_at)) cell ("column", at)
  where cell.at is not null and state <> 'refused'
$$;

create or replace function analytics_count_planned_calls() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    -- Those that came to one counted condition and those that left it are the same, as numbers and as hashes.
    if not exists (
      select from (
        select 1::bigint as sign, id, origin,
               case when state in ('taken', 'calling', 'unknown') then 'queued' else state end as state,
               case when state not in ('queued', 'taken', 'calling', 'unknown') then state_at end as state_at,
               case when state in ('queued', 'taken', 'calling', 'unknown') then created_at end as created_at,
               outcome, first_accepted_at, opted_out_at
        from new_rows where origin like 'step:%'
        union all
        select -1, id, origin,
               case when state in ('taken', 'calling', 'unknown') then 'queued' else state end,
               case when state not in ('queued', 'taken', 'calling', 'unknown') then state_at end,
               case when state in ('queued', 'taken', 'calling', 'unknown') then created_at end,
               outcome, first_accepted_at, opted_out_at
        from old_rows where origin like 'step:%'
      ) both_rows
      group by state, state_at, created_at, outcome, first_accepted_at, opted_out_at
      having sum(sign) <> 0 or sum(sign * id) <> 0 or sum(sign * hashtext(origin)) <> 0
    ) then
      return null;
    end if;

    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(changed.n)
    from (
      select step.campaign_id, step.node_id, planned.state, planned.state_at, planned.created_at,
             planned.outcome, planned.first_accepted_at, planned.opted_out_at, sum(planned.sign) as n
      from (
        select 1 as sign, origin,
               case when state in ('taken', 'calling', 'unknown') then 'queued' else state end as state,
               case when state not in ('queued', 'taken', 'calling', 'unknown') then state_at end as state_at,
               case when state in ('queued', 'taken', 'calling', 'unknown') then created_at end as created_at,
               outcome, first_accepted_at, opted_out_at
        from new_rows where origin like 'step:%'
        union all
        select -1, origin,
               case when state in ('taken', 'calling', 'unknown') then 'queued' else state end,
               case when state not in ('queued', 'taken', 'calling', 'unknown') then state_at end,
               case when state in ('queued', 'taken', 'calling', 'unknown') then created_at end,
               outcome, first_accepted_at, opted_out_at
        from old_rows where origin like 'step:%'
      ) planned
      join campaigns_step step on step.id = substring(planned.origin from 6)::bigint
      group by step.campaign_id, step.node_id, planned.state, planned.state_at, planned.created_at,
               planned.outcome, planned.first_accepted_at, planned.opted_out_at
      having sum(planned.sign) <> 0
    ) changed
    join campaigns_node node on node.id = changed.node_id
    cross join lateral analytics_planned_call_cells(
      changed.state, changed.state_at, changed.created_at, changed.outcome, changed.first_accepted_at,
      changed.opted_out_at
    ) cell
    group by changed.campaign_id, node.key, cell."column", minute
    having sum(changed.n) <> 0;

    -- One that comes to another step, which nobody does, takes its tries along.
    if exists (
      select from (
        select 1::bigint as sign, id, origin from new_rows where origin like 'step:%'
        union all
        select -1, id, origin from old_rows where origin like 'step:%'
      ) both_rows
      group by origin having sum(sign) <> 0 or sum(sign * id) <> 0
    ) then
      insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
      select step.campaign_id, node.key, cell."column",
             date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(moved.n)
      from (
        select id, origin, sum(sign) as n
        from (
          select 1 as sign, id, origin from new_rows where origin like 'step:%'
          union all
          select -1, id, origin from old_rows where origin like 'step:%'
        ) both_rows
        group by id, origin having sum(sign) <> 0
      ) moved
      join campaigns_step step on step.id = substring(moved.origin from 6)::bigint
      join campaigns_node node on node.id = step.node_id
      join conversations_call call on call.planned_id = moved.id
      cross join lateral analytics_call_cells(call.state, call.accepted_at, call.abandoned_at) cell
      group by step.campaign_id, node.key, cell."column", minute
      having sum(moved.n) <> 0;
    end if;
    return null;
  end if;

  insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
  select counted.campaign_id, node.key, cell."column",
         date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
         case tg_op when 'INSERT' then sum(counted.n) else -sum(counted.n) end
  from (
    select step.campaign_id, step.node_id, planned.state, planned.state_at, planned.created_at,
           planned.outcome, planned.first_accepted_at, planned.opted_out_at, count(*) as n
    from (
      select origin, state, state_at, outcome, first_accepted_at, opted_out_at,
             case when state in ('queued', 'taken', 'calling', 'unknown') then created_at end as created_at
      from changed_rows where origin like 'step:%'
    ) planned
    join campaigns_step step on step.id = substring(planned.origin from 6)::bigint
    group by step.campaign_id, step.node_id, planned.state, planned.state_at, planned.created_at,
             planned.outcome, planned.first_accepted_at, planned.opted_out_at
  ) counted
  join campaigns_node node on node.id = counted.node_id
  cross join lateral analytics_planned_call_cells(
    counted.state, counted.state_at, counted.created_at, counted.outcome, counted.first_accepted_at,
    counted.opted_out_at
  ) cell
  group by counted.campaign_id, node.key, cell."column", minute;

  if tg_op = 'DELETE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select step.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, -count(*)
    from (select id, origin from changed_rows where origin like 'step:%') planned
    join campaigns_step step on step.id = substring(planned.origin from 6)::bigint
    join campaigns_node node on node.id = step.node_id
    join conversations_call call on call.planned_id = planned.id
    cross join lateral analytics_call_cells(call.state, call.accepted_at, call.abandoned_at) cell
    group by step.campaign_id, node.key, cell."column", minute;
  end if;
  return null;
end $$;

create or replace function analytics_count_calls() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select step.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(changed.n)
    from (
      select planned_id, state, accepted_at, abandoned_at, sum(sign) as n
      from (
        select 1 as sign, planned_id, case when state = 'refused' then state else 'taken' end as state,
               accepted_at, abandoned_at
        from new_rows where planned_id is not null
        union all
        select -1, planned_id, case when state = 'refused' then state else 'taken' end,
               accepted_at, abandoned_at
        from old_rows where planned_id is not null
      ) both_rows
      group by planned_id, state, accepted_at, abandoned_at
      having sum(sign) <> 0
    ) changed
    join conversations_plannedcall planned on planned.id = changed.planned_id
    join campaigns_step step
      on step.id = case when planned.origin like 'step:%' then substring(planned.origin from 6)::bigint end
    join campaigns_node node on node.id = step.node_id
    cross join lateral analytics_call_cells(changed.state, changed.accepted_at, changed.abandoned_at) cell
    group by step.campaign_id, node.key, cell."column", minute
    having sum(changed.n) <> 0;
    return null;
  end if;

  insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
  select step.campaign_id, node.key, cell."column",
         date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
         case tg_op when 'INSERT' then count(*) else -count(*) end
  from (
    select planned_id, state, accepted_at, abandoned_at from changed_rows
    where planned_id is not null and (accepted_at is not null or abandoned_at is not null)
  ) call
  join conversations_plannedcall planned on planned.id = call.planned_id
  join campaigns_step step
    on step.id = case when planned.origin like 'step:%' then substring(planned.origin from 6)::bigint end
  join campaigns_node node on node.id = step.node_id
  cross join lateral analytics_call_cells(call.state, call.accepted_at, call.abandoned_at) cell
  group by step.campaign_id, node.key, cell."column", minute;
  return null;
end $$;

create or replace trigger analytics_planned_call_inserted after insert on conversations_plannedcall
referencing new table as changed_rows for each statement execute function analytics_count_planned_calls();

create or replace trigger analytics_planned_call_updated after update on conversations_plannedcall
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_planned_calls();

create or replace trigger analytics_planned_call_deleted after delete on conversations_plannedcall
referencing old table as changed_rows for each statement execute function analytics_count_planned_calls();

create or replace trigger analytics_call_inserted after insert on conversations_call
referencing new table as changed_rows for each statement execute function analytics_count_calls();

create or replace trigger analytics_call_updated after update on conversations_call
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_calls();

create or replace trigger analytics_call_deleted after delete on conversations_call
referencing old table as changed_rows for each statement execute function analytics_count_calls();
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
        message.carries_link, message.clicked_at
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
        message.carries_link, message.clicked_at
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
