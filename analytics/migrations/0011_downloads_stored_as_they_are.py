from django.db import migrations

# Keys do not shrink and chunks are deflated already: trying to costs more than all else about them.
STORE = """
ALTER TABLE analytics_downloadslice ALTER COLUMN keys SET STORAGE {how};
ALTER TABLE analytics_downloadchunk ALTER COLUMN content SET STORAGE {how};
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0010_queue_signs")]

    operations = [migrations.RunSQL(STORE.format(how="EXTERNAL"), STORE.format(how="EXTENDED"))]
