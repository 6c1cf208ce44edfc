from django.db import migrations

# Both sides of an update count, so that nothing leaves a published version either. The lock on the version
# waits for whoever publishes it at this moment; what follows sees the outcome.
FREEZE = """
CREATE OR REPLACE FUNCTION campaigns_refuse_change_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions bigint[];
BEGIN
    IF TG_OP <> 'INSERT' THEN
        versions := versions || OLD.version_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        versions := versions || NEW.version_id;
    END IF;
    PERFORM 1 FROM campaigns_workflowversion v WHERE v.id = ANY(versions) ORDER BY v.id FOR SHARE;
    IF EXISTS (
        SELECT 1 FROM campaigns_workflowversion v WHERE v.id = ANY(versions) AND v.published_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'workflow version % is published and never changes', versions
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE FUNCTION campaigns_refuse_unpublishing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.id, OLD.workflow_id, OLD.number, OLD.published_at)
        IS NOT DISTINCT FROM (NEW.id, NEW.workflow_id, NEW.number, NEW.published_at)
    THEN
        RETURN NEW;  -- who made it may be forgotten
    END IF;
    RAISE EXCEPTION 'workflow version % is published and never changes', OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER published_versions_never_change BEFORE UPDATE OR DELETE ON campaigns_workflowversion
    FOR EACH ROW WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION campaigns_refuse_unpublishing();
"""
THAW = """
DROP TRIGGER published_versions_never_change ON campaigns_workflowversion;
DROP FUNCTION campaigns_refuse_unpublishing();
"""


class Migration(migrations.Migration):
    """Nothing moves out of a published version, and none is taken back or changed."""

    dependencies = [("campaigns", "0003_booking_indexes")]
    operations = [migrations.RunSQL(FREEZE, THAW)]
