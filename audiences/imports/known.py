"""What a file changes of contacts that the account has already."""

from collections.abc import Sequence
from typing import Any

from audiences.derived_contacts import zone_set_ids
from audiences.imports.addresses import KnownAddresses
from audiences.imports.homes import household_of, households, place_of, street_of
from audiences.imports.matching import Group
from audiences.imports.reading import RESIDENTIAL, Person
from audiences.models import ContactImport
from audiences.places import Place
from common import sql

LAST_POSITION = 32_767  # what the column holds: one id for all rows of a file makes them all one person
_FIELDS = ("name", "first_name", "last_name", "kind", "language", "street", "city", "state", "zip")


def update(listed: ContactImport, groups: Sequence[Group], addresses: KnownAddresses) -> set[int]:
    """Give known contacts what the file adds; ids of those that are not as they were.

    A contact of ServiceTitan keeps every word that is known of it.
    """
    if not groups:
        return set()
    changed = _link(groups, addresses)
    _name(listed.account_id, groups)
    changed |= _rewrite(listed, groups)
    return changed


def _link(groups: Sequence[Group], addresses: KnownAddresses) -> set[int]:
    """Phones and mailboxes that the contacts lack, behind those they have."""
    wanted = [
        (group.contact_id, addresses[value], place)
        for group in groups
        for place, value in enumerate((*group.phones, *group.emails), 1)
    ]
    return set(
        sql.column(
            f"""
            INSERT INTO audiences_contactaddress (contact_id, address_id, position, label, do_not_text)
            SELECT w.contact_id, w.address_id, least(last.position + w.place, {LAST_POSITION}), '', false
            FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS w(contact_id, address_id, place)
            CROSS JOIN LATERAL (
                SELECT coalesce(max(ca.position), -1)::int AS position
                FROM audiences_contactaddress ca WHERE ca.contact_id = w.contact_id
            ) last
            ON CONFLICT DO NOTHING RETURNING contact_id
            """,
            sql.arrays(wanted),
        )
    )


def _name(account_id: int, groups: Sequence[Group]) -> None:
    """Your own ids, where the contact had none that the file names."""
    rows = [(person.own_id, group.contact_id) for group in groups for person in group.people if person.own_id]
    if rows:
        sql.run(
            "INSERT INTO audiences_ownid (account_id, value, contact_id)"
            " SELECT %s, * FROM unnest(%s::text[], %s::bigint[]) ON CONFLICT DO NOTHING",
            [account_id, *sql.arrays(rows)],
        )


def _rewrite(listed: ContactImport, groups: Sequence[Group]) -> set[int]:
    """What the file says otherwise of earlier imports' contacts; everybody's zones by all their phones."""
    by_id = {group.contact_id: group for group in groups}
    named = set(sql.column(_NAMED_SQL, [listed.pk, sql.array(by_id)]))
    rows: list[tuple[Any, ...]] = []
    keys: dict[int, str] = {}
    zones: dict[int, Place] = {}
    for pk, phones, *values in sql.rows(_NOW_SQL, [sql.array(by_id)]):
        fields, row = dict(zip(_FIELDS, values, strict=True)), by_id[pk].first
        if by_id[pk].servicetitan_id < 0 and pk not in named:
            fields |= _said(row, fields)
            if row.street or row.kind:
                keys[pk] = household_of(
                    row, by_id[pk].servicetitan_id, commercial=fields["kind"] != RESIDENTIAL
                )
        zones[pk] = place_of(fields["state"], fields["zip"], phones)
        rows.append((pk, *fields.values()))
    homes = households(listed.account_id, keys.values()) if keys else {}
    zone_sets = zone_set_ids({place.key: place for place in zones.values()}.values())
    written = [(*row, homes.get(keys.get(row[0], "")), zone_sets[zones[row[0]].key]) for row in rows]
    return set(sql.column(_UPDATE_SQL, sql.arrays(written)))


def _said(row: Person, fields: dict[str, Any]) -> dict[str, Any]:
    """What a row says of somebody; blank cells say nothing. An address is taken as a whole."""
    said = {"name": row.name, "first_name": row.first_name, "last_name": row.last_name}
    said |= {name: getattr(row, name) for name in ("kind", "language") if getattr(row, name)}
    if row.street:
        return said | {"street": street_of(row), "city": row.city, "state": row.state, "zip": row.zip}
    return said | {name: getattr(row, name) or fields[name] for name in ("city", "state", "zip")}


# Whom an earlier row of the same file has named: that row's word stands.
_NAMED_SQL = (
    "SELECT contact_id FROM audiences_importedcontact WHERE of_id = %s AND contact_id = ANY(%s::bigint[])"
)
_NOW_SQL = """
SELECT c.id, coalesce((SELECT array_agg(ad.value) FROM audiences_contactaddress ca
        JOIN audiences_address ad ON ad.id = ca.address_id
        WHERE ca.contact_id = c.id AND ad.channel = 'phone'), '{}'),
    c.name, c.first_name, c.last_name, c.kind, c.language, c.street, c.city, c.state, c.zip
FROM audiences_contact c WHERE c.id = ANY(%s::bigint[]) ORDER BY c.id FOR NO KEY UPDATE
"""
# Only undoing makes people inactive whom ServiceTitan does not know; a file that names them brings them back.
_UPDATE_SQL = """
UPDATE audiences_contact c SET name = u.name, first_name = u.first_name, last_name = u.last_name,
    kind = u.kind, language = u.language, street = u.street, city = u.city, state = u.state, zip = u.zip,
    household_id = coalesce(u.household_id, c.household_id), zone_set_id = u.zone_set_id,
    active = c.active OR c.servicetitan_customer_id < 0
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::bigint[], %s::bigint[]) AS u(id, name, first_name, last_name, kind, language,
    street, city, state, zip, household_id, zone_set_id)
WHERE c.id = u.id AND ROW(c.name, c.first_name, c.last_name, c.kind, c.language, c.street, c.city, c.state,
    c.zip, c.household_id, c.zone_set_id, c.active) IS DISTINCT FROM ROW(u.name::varchar,
    u.first_name::varchar, u.last_name::varchar, u.kind::varchar, u.language::varchar, u.street::varchar,
    u.city::varchar, u.state::varchar, u.zip::varchar, coalesce(u.household_id, c.household_id),
    u.zone_set_id, c.active OR c.servicetitan_customer_id < 0)
RETURNING c.id
"""
