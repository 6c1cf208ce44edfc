-- An enrollment counts for its campaign as a whole: begun (`entries`), a contact's first (`audience`), ended
-- with its reason (`exits`; a contact's first: `exits_first`), and `active` until then, so that
-- entries - exits = active.

create or replace function analytics_enrollment_cells(
  state text, returning_contact boolean, entered_at timestamptz, ended_at timestamptz, ended_reason text
) returns table ("column" text, at timestamptz) language sql immutable as $$
  select cell."column", cell.at
  from (values
    ('entries', entered_at),
    ('audience', case when not returning_contact then entered_at end),
    ('active', case when state = 'active' then entered_at end),
    ('exits', ended_at),
    ('exits_first', case when not returning_contact then ended_at end),
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
