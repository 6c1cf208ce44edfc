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
