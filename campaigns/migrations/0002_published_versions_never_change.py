from django.db import migrations

FREEZE = """
CREATE FUNCTION campaigns_refuse_change_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM campaigns_workflowversion v
        WHERE v.id = COALESCE(NEW.version_id, OLD.version_id) AND v.published_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'workflow version % is published and never changes',
            COALESCE(NEW.version_id, OLD.version_id) USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER published_nodes_never_change BEFORE INSERT OR UPDATE OR DELETE ON campaigns_node
    FOR EACH ROW EXECUTE FUNCTION campaigns_refuse_change_of_published();
CREATE TRIGGER published_edges_never_change BEFORE INSERT OR UPDATE OR DELETE ON campaigns_edge
    FOR EACH ROW EXECUTE FUNCTION campaigns_refuse_change_of_published();
"""
THAW = """
DROP TRIGGER published_edges_never_change ON campaigns_edge;
DROP TRIGGER published_nodes_never_change ON campaigns_node;
DROP FUNCTION campaigns_refuse_change_of_published();
"""


class Migration(migrations.Migration):
    """A running contact keeps its version: the database refuses to change what was published."""

    dependencies = [("campaigns", "0001_initial")]
    operations = [migrations.RunSQL(FREEZE, THAW)]
