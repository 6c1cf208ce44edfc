-- Days and months of campaigns, made again from their minutes: days are those of the account's zone, and begin
-- at other instants once that zone is another. Folding waits meanwhile (the lock is that of
-- `analytics.counters.squash`), readers do not.

create or replace function analytics_make_days(campaigns bigint[]) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(7340001);
  delete from analytics_counterday where campaign_id = any(campaigns);
  delete from analytics_countermonth where campaign_id = any(campaigns);

  insert into analytics_counterday (campaign_id, day, "column", n)
  select kept.campaign_id, (kept.minute at time zone coalesce(account.timezone, 'UTC'))::date as day,
         kept."column", sum(kept.n)
  from analytics_counterminute kept
  left join campaigns_campaign campaign on campaign.id = kept.campaign_id
  left join accounts_account account on account.id = campaign.account_id
  where kept.campaign_id = any(campaigns)
    and kept."column" not in ('scheduled', 'queued', 'waiting', 'active', 'entered')
  group by kept.campaign_id, day, kept."column"
  having sum(kept.n) <> 0;

  insert into analytics_countermonth (campaign_id, month, "column", n)
  select campaign_id, date_trunc('month', day)::date as month, "column", sum(n)
  from analytics_counterday
  where campaign_id = any(campaigns)
  group by campaign_id, month, "column"
  having sum(n) <> 0;
end $$;

create or replace function analytics_account_moved() returns trigger language plpgsql as $$
begin
  perform analytics_make_days(array(select id from campaigns_campaign where account_id = new.id));
  return null;
end $$;

create or replace trigger analytics_account_moved after update of timezone on accounts_account
for each row when (old.timezone is distinct from new.timezone) execute function analytics_account_moved();
