"""Partitions of the raw inbox are vacuumed by count: each row is written twice, and who looks for what is not
applied yet must not pass over millions that are.
"""

from django.db import migrations

_OPTIONS = """autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000,
        autovacuum_vacuum_cost_delay = 0"""
_NAMES = "autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay"

# As in 0001, with the last statement added.
_ENSURE = f"""
CREATE OR REPLACE FUNCTION integrations_ensure_event_partitions(at_month date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    first_day date;
    part text;
BEGIN
    FOR ahead IN -1..2 LOOP
        first_day := (date_trunc('month', at_month) + make_interval(months => ahead))::date;
        part := 'integrations_providerevent_' || to_char(first_day, 'YYYY_MM');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        -- Two processes meeting a new month: the second waits, then finds the partition made.
        PERFORM pg_advisory_xact_lock(hashtext('integrations_ensure_event_partitions'));
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        -- Built apart and then attached, so that rows caught by the default partition can move first.
        LOCK TABLE integrations_providerevent_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('CREATE TABLE %I (LIKE integrations_providerevent INCLUDING DEFAULTS '
                       'INCLUDING CONSTRAINTS)', part);
        EXECUTE format('WITH moved AS (DELETE FROM integrations_providerevent_default '
                       'WHERE month = %L RETURNING *) INSERT INTO %I SELECT * FROM moved', first_day, part);
        EXECUTE format('ALTER TABLE integrations_providerevent ATTACH PARTITION %I '
                       'FOR VALUES FROM (%L) TO (%L)', part, first_day,
                       (first_day + interval '1 month')::date);
        EXECUTE format('ALTER TABLE %I SET ({_OPTIONS})', part);
    END LOOP;
END;
$$;
"""
_EACH = """
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'integrations_providerevent'::regclass LOOP
        EXECUTE format('ALTER TABLE %s {what}', part);
    END LOOP;
END;
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_sending_mailbox")]

    operations = [
        migrations.RunSQL(_ENSURE, migrations.RunSQL.noop),
        migrations.RunSQL(
            _EACH.replace("{what}", f"SET ({_OPTIONS})"), _EACH.replace("{what}", f"RESET ({_NAMES})")
        ),
    ]
