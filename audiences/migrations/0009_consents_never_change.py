from django.db import migrations

# Evidence only grows. The arguments of the trigger name the columns that may be set once, from nothing.
# Whoever owns the database can lift a trigger; `truckroll.emptying` lets the tests empty theirs.
REFUSE = """
create function append_only() returns trigger language plpgsql as $$
declare
    settable text[] := coalesce(tg_argv::text[], '{}');
    was jsonb;
    becomes jsonb;
begin
    if tg_op = 'TRUNCATE' and current_setting('truckroll.emptying', true) = 'on' then
        return null;
    end if;
    if tg_op = 'UPDATE' then
        was := to_jsonb(old);
        becomes := to_jsonb(new);
        if was - settable = becomes - settable and not exists (
            select 1 from unnest(settable) name
            where coalesce(was ->> name, '') <> '' and was -> name is distinct from becomes -> name
        ) then
            return new;
        end if;
    end if;
    raise exception 'rows of % never change (% refused)', tg_table_name, lower(tg_op)
        using errcode = 'restrict_violation';
end $$;
create trigger consent_never_changes before update or delete on audiences_consent
    for each row execute function append_only('ended_at', 'ended_why');
create trigger consent_never_emptied before truncate on audiences_consent
    for each statement execute function append_only();
"""
ALLOW = """
drop trigger consent_never_changes on audiences_consent;
drop trigger consent_never_emptied on audiences_consent;
drop function append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("audiences", "0008_consents_and_do_not_call")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
