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
