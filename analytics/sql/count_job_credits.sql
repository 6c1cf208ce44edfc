-- A credited job counts at the node that won it, with how far it has come and what it brought, in cents. A
-- correction moves all of it, a refund takes from it.

create or replace function analytics_job_credit_cells(
  boolean, boolean, boolean, bigint
) returns table ("column" text, n bigint) language sql immutable as $$
  select 'booked', 1::bigint
  union all select 'job_completed', 1 where $1
  union all select 'job_invoiced', 1 where $2
  union all select 'job_cancelled', 1 where $3
  union all select 'revenue', $4 where $4 <> 0
$$;

create or replace function analytics_count_job_credits() returns trigger language plpgsql
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
      cross join lateral analytics_job_credit_cells(
        changed.completed, changed.invoiced, changed.cancelled, changed.revenue_cents) cell
      group by changed.campaign_id, node.key, cell."column", minute
      having sum(changed.sign * cell.n) <> 0
    ) counted
    cross join lateral analytics_delta_parts(counted.n) part;
  else
    insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    select counted.campaign_id, counted.key, counted."column", counted.minute, part.n
    from (
      select credit.campaign_id, node.key, cell."column",
             date_bin('1 minute', credit.at, timestamptz 'epoch') as minute,
             case tg_op when 'INSERT' then sum(cell.n) else -sum(cell.n) end::bigint as n
      from changed_rows credit
      join campaigns_node node on node.id = credit.node_id
      cross join lateral analytics_job_credit_cells(
        credit.completed, credit.invoiced, credit.cancelled, credit.revenue_cents) cell
      group by credit.campaign_id, node.key, cell."column", minute
    ) counted
    cross join lateral analytics_delta_parts(counted.n) part;
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
