import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from common import evidence

READINGS_FOLLOW_CORRECTIONS = """
create function conversations_refuse_rereading() returns trigger language plpgsql as $$
declare
    latest record;
begin
    select was, now into latest from conversations_readingcorrection
    where message_id = old.message_id order by id desc limit 1;
    if tg_op = 'UPDATE' and old is not distinct from new then
        return new;
    end if;
    if tg_op = 'UPDATE'
       and (to_jsonb(old) - 'label' - 'outcome') = (to_jsonb(new) - 'label' - 'outcome')
       and latest.was = old.label and latest.now = new.label then
        return new;
    end if;
    raise exception 'a reading changes by a correction on file alone (% refused)', lower(tg_op)
        using errcode = 'restrict_violation';
end $$;
create trigger evidence_never_changes before update or delete on conversations_reading
    for each row execute function conversations_refuse_rereading();
create trigger evidence_never_emptied before truncate on conversations_reading
    for each statement execute function evidence_refuse_change();
alter table conversations_reading enable always trigger evidence_never_changes;
alter table conversations_reading enable always trigger evidence_never_emptied;
"""
READINGS_ARE_FREE = """
drop trigger evidence_never_emptied on conversations_reading;
drop trigger evidence_never_changes on conversations_reading;
drop function conversations_refuse_rereading();
"""


class Migration(migrations.Migration):
    """Corrections are kept for ever, and a reading changes by one of them alone."""

    dependencies = [
        ("conversations", "0005_automatic_lane"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="reading",
            name="message",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                primary_key=True,
                related_name="reading",
                serialize=False,
                to="conversations.message",
            ),
        ),
        migrations.AlterField(
            model_name="readingcorrection",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AlterField(
            model_name="readingcorrection",
            name="message",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reading_corrections",
                to="conversations.message",
            ),
        ),
        evidence.kept_for_ever("conversations_readingcorrection"),
        migrations.RunSQL(READINGS_FOLLOW_CORRECTIONS, READINGS_ARE_FREE),
    ]
