-- A recipient's code counts once for its link when a person first followed it, and once when a machine did. What
-- was sent with the link is counted with its message (count_messages.sql). Traps count for nobody.

create or replace function analytics_count_link_codes() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select link.campaign_id, link.node_key, cell.name || ':' || link.id,
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute, sum(code.sign)
    from (
      select 1 as sign, link_id, clicked_at, machine_at from new_rows
      where clicked_at is not null or machine_at is not null
      union all
      select -1, link_id, clicked_at, machine_at from old_rows
      where clicked_at is not null or machine_at is not null
    ) code
    join campaigns_trackedlink link on link.id = code.link_id
    cross join lateral (values ('clicks', code.clicked_at), ('machines', code.machine_at)) cell (name, at)
    where cell.at is not null and not link.trap
    group by link.campaign_id, link.node_key, link.id, cell.name, minute
    having sum(code.sign) <> 0;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select link.campaign_id, link.node_key, cell.name || ':' || link.id,
           date_bin('1 minute', cell.at, timestamptz 'epoch') as minute,
           case tg_op when 'INSERT' then count(*) else -count(*) end
    from changed_rows code
    join campaigns_trackedlink link on link.id = code.link_id
    cross join lateral (values ('clicks', code.clicked_at), ('machines', code.machine_at)) cell (name, at)
    where cell.at is not null and not link.trap
    group by link.campaign_id, link.node_key, link.id, cell.name, minute;
  end if;
  return null;
end $$;

create or replace trigger analytics_link_code_inserted after insert on campaigns_linkcode
referencing new table as changed_rows for each statement execute function analytics_count_link_codes();

create or replace trigger analytics_link_code_updated after update on campaigns_linkcode
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_link_codes();

create or replace trigger analytics_link_code_deleted after delete on campaigns_linkcode
referencing old table as changed_rows for each statement execute function analytics_count_link_codes();
