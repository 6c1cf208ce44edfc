-- An influenced job counts beside the credited ones, never among them: at the node of the last touch before it.

create or replace function analytics_job_standing_cells(
  text, bigint
) returns table ("column" text, n bigint) language sql immutable as $$
  select 'influenced', 1::bigint where $1 = 'influenced'
  union all select 'influenced_revenue', $2 where $1 = 'influenced' and $2 <> 0
$$;

create or replace function analytics_count_job_standings() returns trigger language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if tg_op = 'UPDATE' then
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select counted.campaign_id, counted.key, counted."column", counted.minute, part.n
    from (
      select changed.campaign_id, node.key, cell."column",
             date_bin('1 minute', changed.at, timestamptz 'epoch') as minute,
             sum(changed.sign * cell.n)::bigint as n
      from (
        select 1 as sign, new_rows.* from new_rows
        union all
        select -1, old_rows.* from old_rows
      ) changed
      join campaigns_node node on node.id = changed.node_id
      cross join lateral analytics_job_standing_cells(
        changed.verdict, changed.revenue_cents) cell
      group by changed.campaign_id, node.key, cell."column", minute
      having sum(changed.sign * cell.n) <> 0
    ) counted
    cross join lateral analytics_delta_parts(counted.n) part;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select counted.campaign_id, counted.key, counted."column", counted.minute, part.n
    from (
      select standing.campaign_id, node.key, cell."column",
             date_bin('1 minute', standing.at, timestamptz 'epoch') as minute,
             case tg_op when 'INSERT' then sum(cell.n) else -sum(cell.n) end::bigint as n
      from changed_rows standing
      join campaigns_node node on node.id = standing.node_id
      cross join lateral analytics_job_standing_cells(
        standing.verdict, standing.revenue_cents) cell
      group by standing.campaign_id, node.key, cell."column", minute
    ) counted
    cross join lateral analytics_delta_parts(counted.n) part;
  end if;
  return null;
end $$;

create or replace trigger analytics_job_standing_inserted after insert on analytics_jobstanding
referencing new table as changed_rows for each statement execute function analytics_count_job_standings();

create or replace trigger analytics_job_standing_updated after update on analytics_jobstanding
referencing old table as old_rows new table as new_rows
for each statement execute function analytics_count_job_standings();

create or replace trigger analytics_job_standing_deleted after delete on analytics_jobstanding
referencing old table as changed_rows for each statement execute function analytics_count_job_standings();
