"""Tags of customers, jobs and service locations, as ServiceTitan has them; the account's own stay."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audiences.mirror import ids_by_key
from audiences.models import ContactTag, Job, JobTag, Location, LocationTag, Tag
from common import sql

Tagged = type[ContactTag] | type[JobTag] | type[LocationTag]
_OWNERS: dict[Tagged, str] = {ContactTag: "contact_id", JobTag: "job_id", LocationTag: "location_id"}


def write(model: Tagged, account_id: int, wanted: Mapping[int, Sequence[int]]) -> None:
    """Make ServiceTitan's tags of these rows (ours, by id) exactly these (its ids). A tag not heard of yet
    gets its number for a name until its own row arrives."""
    if not wanted:
        return
    tag_ids = ids_by_key(
        Tag, account_id, "servicetitan_id", {tag for tags in wanted.values() for tag in tags if tag},
        fields={"name": lambda key: f"#{key}"},
    )  # fmt: skip
    pairs = sorted({(row, tag_ids[tag]) for row, tags in wanted.items() for tag in tags if tag})
    rows, tags = sql.array(row for row, _ in pairs), sql.array(tag for _, tag in pairs)
    table, owner = model._meta.db_table, _OWNERS[model]
    sql.run(
        f"""
        DELETE FROM {table} t USING audiences_tag tag
        WHERE t.{owner} = ANY(%s::bigint[]) AND tag.id = t.tag_id AND tag.servicetitan_id IS NOT NULL
          AND NOT EXISTS (
            SELECT 1 FROM unnest(%s::bigint[], %s::bigint[]) AS w(row_id, tag_id)
            WHERE w.row_id = t.{owner} AND w.tag_id = t.tag_id)
        """,
        [sql.array(wanted), rows, tags],
    )
    if pairs:
        sql.run(
            f"INSERT INTO {table} ({owner}, tag_id)"
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[]) ON CONFLICT DO NOTHING",
            [rows, tags],
        )


def keep(model: Tagged, owners: type[Job] | type[Location], account_id: int, records: Iterable[Any]) -> None:
    """The tags of these records, but for older copies that come late. Where tags alone have changed, the row
    itself was not written: its age is kept here, or the older copy would pass for the newer."""
    by_id = {record.id: record for record in sorted(records, key=_age)}
    found = owners.objects.filter(account_id=account_id, servicetitan_id__in=list(by_id))
    wanted: dict[int, list[int]] = {}
    aged: list[tuple[int, Any]] = []
    for pk, source_id, modified in found.values_list("pk", "servicetitan_id", "source_modified_at"):
        record = by_id[source_id]
        if modified is None or record.modified_on is None or record.modified_on >= modified:
            wanted[pk] = list(record.tag_type_ids)
            if record.modified_on is not None and record.modified_on != modified:
                aged.append((pk, record.modified_on))
    write(model, account_id, wanted)
    if aged:
        sql.run(
            f"""
            UPDATE {owners._meta.db_table} t SET source_modified_at = n.at
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, at) WHERE t.id = n.id
            """,
            sql.arrays(sorted(aged)),
        )


def _age(record: Any) -> float:
    return record.modified_on.timestamp() if record.modified_on else 0.0
