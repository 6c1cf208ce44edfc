-- A campaign message counts at the node of its step (`origin` is `step:<id>`): accepted, which never falls,
-- its present state, and that it was answered or led to an opt-out, each at its own minute.
--
-- Plans of a trigger are kept from its first call, when the changed rows may have been one: joins are held to
-- nested loops over primary keys, grouping to hashes, and rows before and after are never joined but cancelled
-- by grouping.

create or replace function analytics_message_cells(
  state text, state_at timestamptz, accepted_at timestamptz, replied_at timestamptz, opted_out_at timestamptz
) returns table ("column" text, at timestamptz) language sql immutable as $$
  select cell."column", cell.at
  from (values
    ('accepted', accepted_at),
    ('text_' || state, state_at),
    ('undelivered', case when accepted_at is not null
        and state in ('failed', 'rejected', 'expired', 'bounced', 'blocked') then state_at end),
    ('replies', replied_at),
    ('optouts', opted_out_at)
  ) cell ("column", at)
  where cell.at is not null
$$;

create or replace function analytics_count_messages() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    -- Leases and retries change nothing counted: seen without a join, because the messages that came to one
    -- counted condition and those that left it are the same, as numbers and as hashes.
    if not exists (
      select from (
        select 1::bigint as sign, id, origin, state, state_at, accepted_at, replied_at, opted_out_at
        from new_rows where origin like 'step:%'
        union all
        select -1, id, origin, state, state_at, accepted_at, replied_at, opted_out_at
        from old_rows where origin like 'step:%'
      ) both_rows
      group by state, state_at, accepted_at, replied_at, opted_out_at
      having sum(sign) <> 0 or sum(sign * id) <> 0 or sum(sign * hashtext(origin)) <> 0
    ) then
      return null;
    end if;

    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(changed.n)
    from (
      select step.campaign_id, step.node_id, message.state, message.state_at, message.accepted_at,
             message.replied_at, message.opted_out_at, sum(message.sign) as n
      from (
        select 1 as sign, origin, state, state_at, accepted_at, replied_at, opted_out_at
        from new_rows where origin like 'step:%'
        union all
        select -1, origin, state, state_at, accepted_at, replied_at, opted_out_at
        from old_rows where origin like 'step:%'
      ) message
      join campaigns_step step on step.id = substring(message.origin from 6)::bigint
      group by step.campaign_id, step.node_id, message.state, message.state_at, message.accepted_at,
               message.replied_at, message.opted_out_at
      having sum(message.sign) <> 0
    ) changed
    join campaigns_node node on node.id = changed.node_id
    cross join lateral analytics_message_cells(
      changed.state, changed.state_at, changed.accepted_at, changed.replied_at, changed.opted_out_at
    ) cell
    group by changed.campaign_id, node.key, cell."column", minute
    having sum(changed.n) <> 0;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select counted.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
           case tg_op when 'INSERT' then sum(counted.n) else -sum(counted.n) end
    from (
      select step.campaign_id, step.node_id, message.state, message.state_at, message.accepted_at,
             message.replied_at, message.opted_out_at, count(*) as n
      from (select * from changed_rows where origin like 'step:%') message
      join campaigns_step step on step.id = substring(message.origin from 6)::bigint
      group by step.campaign_id, step.node_id, message.state, message.state_at, message.accepted_at,
               message.replied_at, message.opted_out_at
    ) counted
    join campaigns_node node on node.id = counted.node_id
    cross join lateral analytics_message_cells(
      counted.state, counted.state_at, counted.accepted_at, counted.replied_at, counted.opted_out_at
    ) cell
    group by counted.campaign_id, node.key, cell."column", minute;
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

-- A step counts as entered at the minute it was made, and under its present state at the minute it took it.
-- Rows before and after an update cancel by grouping; what is left changed something counted.
-- A step that leaves its node, or is deleted, takes the counts of its message with it.

create or replace function analytics_count_steps() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(changed.n)
    from (
      select campaign_id, node_id, state, state_at, created_at, sum(sign) as n
      from (
        select 1 as sign, campaign_id, node_id, state, state_at, created_at from new_rows
        union all
        select -1, campaign_id, node_id, state, state_at, created_at from old_rows
      ) both_rows
      group by campaign_id, node_id, state, state_at, created_at
      having sum(sign) <> 0
    ) changed
    join campaigns_node node on node.id = changed.node_id
    cross join lateral (
      values ('entered', changed.created_at), (changed.state, changed.state_at)
    ) cell ("column", at)
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
        message.state, message.state_at, message.accepted_at, message.replied_at, message.opted_out_at
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
    select campaign_id, node_id, state, state_at, created_at, count(*) as n
    from changed_rows
    group by campaign_id, node_id, state, state_at, created_at
  ) step
  join campaigns_node node on node.id = step.node_id
  cross join lateral (values ('entered', step.created_at), (step.state, step.state_at)) cell ("column", at)
  group by step.campaign_id, node.key, cell."column", minute;

  if tg_op = 'DELETE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select step.campaign_id, node.key, cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, -count(*)
    from changed_rows step
    join campaigns_node node on node.id = step.node_id
    join conversations_message message on message.origin = 'step:' || step.id
    cross join lateral analytics_message_cells(
      message.state, message.state_at, message.accepted_at, message.replied_at, message.opted_out_at
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

-- An enrollment counts for its campaign as a whole: begun (`entries`), a contact's first (`audience`), ended
-- with its reason (`exits`), and `active` until then, so that entries - exits = active.

create or replace function analytics_enrollment_cells(
  state text, returning_contact boolean, entered_at timestamptz, ended_at timestamptz, ended_reason text
) returns table ("column" text, at timestamptz) language sql immutable as $$
  select cell."column", cell.at
  from (values
    ('entries', entered_at),
    ('audience', case when not returning_contact then entered_at end),
    ('active', case when state = 'active' then entered_at end),
    ('exits', ended_at),
    ('exits:' || ended_reason, ended_at)
  ) cell ("column", at)
  where cell.at is not null
$$;

create or replace function analytics_count_enrollments() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, '', cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(changed.n)
    from (
      select campaign_id, state, "returning", entered_at, ended_at, ended_reason, sum(sign) as n
      from (
        select 1 as sign, campaign_id, state, "returning", entered_at, ended_at, ended_reason from new_rows
        union all
        select -1, campaign_id, state, "returning", entered_at, ended_at, ended_reason from old_rows
      ) both_rows
      group by campaign_id, state, "returning", entered_at, ended_at, ended_reason
      having sum(sign) <> 0
    ) changed
    cross join lateral analytics_enrollment_cells(
      changed.state, changed."returning", changed.entered_at, changed.ended_at, changed.ended_reason
    ) cell
    group by changed.campaign_id, cell."column", minute
    having sum(changed.n) <> 0;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select enrollment.campaign_id, '', cell."column",
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
           case tg_op when 'INSERT' then sum(enrollment.n) else -sum(enrollment.n) end
    from (
      select campaign_id, state, "returning", entered_at, ended_at, ended_reason, count(*) as n
      from changed_rows
      group by campaign_id, state, "returning", entered_at, ended_at, ended_reason
    ) enrollment
    cross join lateral analytics_enrollment_cells(
      enrollment.state, enrollment."returning", enrollment.entered_at, enrollment.ended_at,
      enrollment.ended_reason
    ) cell
    group by enrollment.campaign_id, cell."column", minute;
  end if;
  return null;
end $$;

create or replace trigger analytics_enrollment_inserted after insert on campaigns_enrollment
referencing new table as changed_rows for each statement execute function analytics_count_enrollments();

create or replace trigger analytics_enrollment_updated after update on campaigns_enrollment
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_enrollments();

create or replace trigger analytics_enrollment_deleted after delete on campaigns_enrollment
referencing old table as changed_rows for each statement execute function analytics_count_enrollments();

-- A matched contact that was not admitted counts for its campaign, in all and under its reason.

create or replace function analytics_count_exclusions() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, '', cell."column",
           date_bin('1 minute', changed.at, timestamptz 'epoch') as minute, sum(changed.sign)
    from (
      select 1 as sign, campaign_id, reason, at from new_rows
      union all
      select -1, campaign_id, reason, at from old_rows
    ) changed
    cross join lateral (values ('excluded'), ('excluded:' || changed.reason)) cell ("column")
    group by changed.campaign_id, cell."column", minute
    having sum(changed.sign) <> 0;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select exclusion.campaign_id, '', cell."column",
           date_bin('1 minute', exclusion.at, timestamptz 'epoch') as minute,
           case tg_op when 'INSERT' then count(*) else -count(*) end
    from changed_rows exclusion
    cross join lateral (values ('excluded'), ('excluded:' || exclusion.reason)) cell ("column")
    group by exclusion.campaign_id, cell."column", minute;
  end if;
  return null;
end $$;

create or replace trigger analytics_exclusion_inserted after insert on campaigns_exclusion
referencing new table as changed_rows for each statement execute function analytics_count_exclusions();

create or replace trigger analytics_exclusion_updated after update on campaigns_exclusion
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_exclusions();

create or replace trigger analytics_exclusion_deleted after delete on campaigns_exclusion
referencing old table as changed_rows for each statement execute function analytics_count_exclusions();

-- A credited job counts as booked at the node that won it. A correction moves it.

create or replace function analytics_count_job_credits() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select changed.campaign_id, node.key, 'booked',
           date_bin('1 minute', changed.at, timestamptz 'epoch') as minute, sum(changed.sign)
    from (
      select 1 as sign, campaign_id, node_id, at from new_rows
      union all
      select -1, campaign_id, node_id, at from old_rows
    ) changed
    join campaigns_node node on node.id = changed.node_id
    group by changed.campaign_id, node.key, minute
    having sum(changed.sign) <> 0;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select credit.campaign_id, node.key, 'booked',
           date_bin('1 minute', credit.at, timestamptz 'epoch') as minute,
           case tg_op when 'INSERT' then count(*) else -count(*) end
    from changed_rows credit
    join campaigns_node node on node.id = credit.node_id
    group by credit.campaign_id, node.key, minute;
  end if;
  return null;
end $$;

create or replace trigger analytics_job_credit_inserted after insert on analytics_jobcredit
referencing new table as changed_rows for each statement execute function analytics_count_job_credits();

create or replace trigger analytics_job_credit_updated after update on analytics_jobcredit
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_job_credits();

create or replace trigger analytics_job_credit_deleted after delete on analytics_jobcredit
referencing old table as changed_rows for each statement execute function analytics_count_job_credits();

