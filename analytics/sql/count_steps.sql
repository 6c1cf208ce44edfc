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
