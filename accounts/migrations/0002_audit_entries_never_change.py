from django.db import migrations

# Even the product's own code cannot change what was recorded. TRUNCATE stays possible for the owner of the
# table: the test database is emptied that way.
REFUSE = """
create function audit_entry_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit entries never change (% refused)', lower(tg_op)
        using errcode = 'restrict_violation';
end $$;
create trigger audit_entry_never_changes before update or delete on accounts_auditentry
    for each row execute function audit_entry_refuse_change();
"""
ALLOW = """
drop trigger audit_entry_never_changes on accounts_auditentry;
drop function audit_entry_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
