from django.db import migrations

from common import evidence

FORGET_FORMER = """
drop trigger audit_entry_never_changes on accounts_auditentry;
drop function audit_entry_refuse_change();
"""
FORMER = """
create function audit_entry_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit entries never change (% refused)', lower(tg_op)
        using errcode = 'restrict_violation';
end $$;
create trigger audit_entry_never_changes before update or delete on accounts_auditentry
    for each row execute function audit_entry_refuse_change();
"""


class Migration(migrations.Migration):
    """One function keeps all that is evidence; the audit log, which was kept already, by it too."""

    dependencies = [("accounts", "0003_settings")]

    operations = [
        migrations.RunSQL(evidence.FUNCTION, evidence.DROP_FUNCTION),
        migrations.RunSQL(FORGET_FORMER, FORMER),
        evidence.kept_for_ever("accounts_auditentry"),
    ]
