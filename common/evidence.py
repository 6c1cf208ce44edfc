"""Rows that are evidence: the database itself refuses to change them, whoever asks.

A migration protects a table with `kept_for_ever`; the trigger function comes from the migrations of
`accounts`, which such a migration depends on. The triggers fire even where `session_replication_role` turns
others off. Who owns the tables can still drop a trigger: that such a hand was at work is what the seals of
`accounts.sealing` show.
"""

from django.db.migrations.operations import RunSQL

FUNCTION = """
create function evidence_refuse_change() returns trigger language plpgsql as $$
declare
    was jsonb;
    becomes jsonb;
    named text;
    later text[] := coalesce(tg_argv, '{}');  -- null where a trigger has no arguments
begin
    if tg_op = 'UPDATE' then
        was := to_jsonb(old);
        becomes := to_jsonb(new);
        select string_agg(key, ', ' order by key) into named from jsonb_object_keys(was) key
        where was -> key is distinct from becomes -> key
          and (not key = any(later) and not '~' || key = any(later)
               or exists (select from unnest(later) once where coalesce(was ->> once, '') <> ''));
        if named is null then
            return new;
        end if;
    end if;
    raise exception 'rows of % never change (% refused)', tg_table_name,
        lower(tg_op) || coalesce(' of ' || named, '')
        using errcode = 'restrict_violation';
end $$;
"""
"""Refuses everything, but for giving the columns of its arguments a value, together and once. Until then,
columns named with a tilde may change."""

DROP_FUNCTION = "drop function evidence_refuse_change();"


def kept_for_ever(
    table: str, *, once: tuple[str, ...] = (), until_then: tuple[str, ...] = (), when: str = ""
) -> RunSQL:
    """A migration's operation: rows of `table` are never deleted or changed, the table is never emptied.

    `once`: columns that may be given a value in one later UPDATE, while all of them are null or blank; up to
    it (where there are none: always), those of `until_then` may change, too. `when`: an SQL condition on OLD;
    rows that do not meet it may still change (drafts, say).
    """
    columns = ", ".join(f"'{column}'" for column in (*once, *(f"~{name}" for name in until_then)))
    condition = f"when ({when})" if when else ""
    forward = f"""
        create trigger evidence_never_changes before update or delete on {table}
            for each row {condition} execute function evidence_refuse_change({columns});
        create trigger evidence_never_emptied before truncate on {table}
            for each statement execute function evidence_refuse_change();
        alter table {table} enable always trigger evidence_never_changes;
        alter table {table} enable always trigger evidence_never_emptied;
    """
    backward = f"""
        drop trigger evidence_never_emptied on {table};
        drop trigger evidence_never_changes on {table};
    """
    return RunSQL(forward, backward)
